"""Captions by whatever transformers has that reads an image and writes text: BLIP-2, LLaVA, SmolVLM, Qwen-VL and more.

A model with a chat template is asked ``prompt`` as a user would ask it; one without is given ``prompt`` as it is, or
the image alone. What was asked is no part of the caption.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from empaste.captions.captioner import CaptionerSettings, Context
from empaste.captions.pretrained import model_captioner
from empaste.captions.sampling import sample_captions
from empaste.captions.scenes import Scene
from empaste.captions.tidying import answer
from empaste.errors import InputError, first_line

QUESTION = "Describe this photo in one short sentence: what is there, and where it is."
"""What a chat model is asked where no prompt is given."""


def caption_scenes(scenes: Sequence[Scene], settings: CaptionerSettings, context: Context) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene: whole sentences where the model came to the end of one."""
    if not scenes:
        return
    network, processor = context.network()

    from jinja2 import TemplateError

    def prepare(processor: Any, images: list[Any]) -> Any:
        try:
            return ask(processor, images, settings.prompt)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, TemplateError) as error:
            raise InputError(
                f"captions.model {settings.model!r} does not take captions.prompt {settings.prompt!r} "
                f'({first_line(error)}); its model card says what it wants to be asked, such as "<CAPTION>" or '
                '"caption en"'
            ) from error

    yield from sample_captions(scenes, settings, network, processor, prepare, answer)


def ask(processor: Any, images: list[Any], prompt: str | None) -> Any:
    """One row per image: the question and the image, as the processor wants them."""
    if getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None):
        return processor.apply_chat_template(
            [_conversation(image, prompt or QUESTION) for image in images],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )
    text = {"text": [prompt] * len(images), "padding": True} if prompt else {}
    return processor(images=images, return_tensors="pt", **text)


def _conversation(image: Any, question: str) -> list[dict[str, Any]]:
    content = [{"type": "image", "image": image}, {"type": "text", "text": question}]
    return [{"role": "user", "content": content}]


CAPTIONER = model_captioner("image_text_to_text", caption_scenes)
