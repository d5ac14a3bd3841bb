"""A VOC devkit in the published layout."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empaste.datasets.voc import SUPERCATEGORIES, open_voc
from empaste.datasets.voc_masks import instance_masks
from empaste.errors import InputError
from tests.datasets.layouts import settings_of, write_indices, write_photo, write_voc, write_xml


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """The year folder of a devkit."""
    return write_voc(tmp_path / "set") / "VOCdevkit" / "VOC2012"


def test_ids_labels_and_splits(year: Path) -> None:
    data = open_voc(settings_of(year))
    assert [(e.image_id, e.split, e.class_ids) for e in data.examples] == [
        (2007000032, "train", (12, 15)),
        (2008000005, "train", (18,)),
        (2009000001, "val", (19,)),
    ]
    assert [one.name for one in data.classes] == list(SUPERCATEGORIES)
    assert len(data.classes) == 20
    assert [one.class_id for one in data.classes] == list(range(1, 21))
    assert data.classes[11].supercategory == "animal"


def test_the_devkit_may_be_given_at_any_depth(year: Path) -> None:
    assert all(
        [e.path for e in open_voc(settings_of(root)).examples] == [e.path for e in open_voc(settings_of(year)).examples]
        for root in (year, year.parent, year.parent.parent)
    )


def test_masks_per_instance_without_void(year: Path) -> None:
    data = open_voc(settings_of(year))
    picture = data.load(data.examples[0], 0)
    assert [(class_id, int(mask.sum())) for class_id, mask, _ in picture.masks] == [(12, 100), (15, 200)]
    assert picture.masks[0][1][5:15, 5:15].all()
    assert data.load(data.examples[1], 0).masks == ()
    assert picture.void is not None
    assert int(picture.void.sum()) == 10
    assert picture.void[4, 5:15].all()
    assert data.load(data.examples[1], 0).void is None
    shrunk = data.load(data.examples[0], 20)
    assert shrunk.void is not None
    assert not any((shrunk.void & mask).any() for _, mask, _ in shrunk.masks)
    assert int(shrunk.void.sum()) == 6, "every pixel that void touches"
    assert [(mask.shape, int(mask.sum())) for _, mask, _ in shrunk.masks] == [((15, 20), 16), ((15, 20), 45)]


def test_trainaug_wins_over_train_and_may_name_files(year: Path) -> None:
    write_photo(year / "JPEGImages" / "2010_000001.jpg")
    write_xml(year / "Annotations" / "2010_000001.xml", ["bird"])
    (year / "ImageSets" / "Segmentation" / "trainaug.txt").write_text(
        "/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png\n2010_000001\n\n"
    )
    train = [e.image_id for e in open_voc(settings_of(year)).examples if e.split == "train"]
    assert train == [2007000032, 2010000001]


def test_main_where_there_are_no_segmentation_sets(year: Path) -> None:
    shutil.rmtree(year / "ImageSets" / "Segmentation")
    (year / "ImageSets" / "Main").mkdir()
    (year / "ImageSets" / "Main" / "train.txt").write_text("2008_000005\n")
    with pytest.raises(InputError, match=r"has none of Segmentation/val.txt, Main/val.txt"):
        open_voc(settings_of(year))
    (year / "ImageSets" / "Main" / "val.txt").write_text("2009_000001\n")
    assert [e.image_id for e in open_voc(settings_of(year)).examples] == [2008000005, 2009000001]


def test_names_of_ones_own_are_counted(year: Path) -> None:
    write_photo(year / "JPEGImages" / "garden.jpg")
    write_xml(year / "Annotations" / "garden.xml", ["bird"])
    (year / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_000032\ngarden\n")
    assert [(e.image_id, e.file_name) for e in open_voc(settings_of(year)).examples] == [
        (1, "train/2007_000032.jpg"),
        (2, "train/garden.jpg"),
        (3, "val/2009_000001.jpg"),
    ]


def test_training_images_without_object_are_left_out_and_counted(year: Path) -> None:
    write_xml(year / "Annotations" / "2008_000005.xml", [])
    data = open_voc(settings_of(year))
    assert [e.image_id for e in data.examples] == [2007000032, 2009000001]
    assert data.num_without_label == 1
    assert "1 training images have no object" in data.warnings[0]


@pytest.mark.parametrize(
    "names", [("1569478414.73587", "1569478414.99999", "1569478500.5"), ("my photo 1", "my photo 2", "x y")]
)
def test_names_with_dots_and_blanks(year: Path, names: tuple[str, str, str]) -> None:
    for name in names:
        write_photo(year / "JPEGImages" / f"{name}.jpg")
        write_xml(year / "Annotations" / f"{name}.xml", ["bird"])
    sets = year / "ImageSets" / "Segmentation"
    (sets / "train.txt").write_text(f"{names[0]}\n{names[1]}.jpg\n{names[1]}\n")
    (sets / "val.txt").write_text(f"JPEGImages/{names[2]}.jpg\n")
    assert [e.file_name for e in open_voc(settings_of(year)).examples] == [
        f"train/{names[0]}.jpg", f"train/{names[1]}.jpg", f"val/{names[2]}.jpg"
    ]  # fmt: skip


def test_masks_of_16_bits_keep_every_instance(year: Path) -> None:
    objects, classes = np.zeros((30, 40), np.uint16), np.zeros((30, 40))
    for value, place in ((255, 2), (256, 10), (300, 18)):
        objects[5:9, place : place + 4], classes[5:9, place : place + 4] = value, 12
    classes[0] = 255
    Image.fromarray(objects).save(year / "SegmentationObject" / "2007_000032.png")
    write_indices(year / "SegmentationClass" / "2007_000032.png", classes)
    data = open_voc(settings_of(year))
    picture = data.load(data.examples[0], 0)
    assert [(class_id, int(mask.sum())) for class_id, mask, _ in picture.masks] == [(12, 16)] * 3
    assert picture.void is not None
    assert picture.void.sum() == 40


def test_boxes_where_there_are_no_masks(year: Path) -> None:
    rows = (
        "<object><name>sofa</name><difficult>0</difficult><bndbox><xmin>6</xmin><ymin>6</ymin><xmax>15</xmax>"
        "<ymax>10</ymax></bndbox></object><object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object><object><name>cat</name></object>"
        "<object><name>cat</name><polygon><x1>5</x1><y1>5</y1><x2>15</x2><y2>5</y2><x3>15</x3><y3>15</y3><x4>5</x4>"
        "<y4>15</y4></polygon></object>"
    )
    xml = year / "Annotations" / "2008_000005.xml"
    xml.write_text(f"<annotation><size><width>40</width><height>30</height></size>{rows}</annotation>")
    data = open_voc(settings_of(year))
    picture = data.load(data.examples[1], 0)
    assert picture.class_ids == (8, 12, 18)
    assert picture.boxes == ((18, (5, 5, 10, 5), 0), (12, (0, 0, 40, 30), 1))
    assert [(class_id, int(mask.sum())) for class_id, mask, _ in picture.masks] == [(8, 100)]
    xml.write_text(xml.read_text().replace("<xmax>15<", "<xmax>5<"))
    with pytest.raises(InputError, match=r"2008_000005.xml: object 1: bndbox goes from 6, 6 to 5, 10; correct it"):
        open_voc(settings_of(year))


def test_several_years_are_refused_and_listed(year: Path) -> None:
    shutil.copytree(year, year.parent / "VOC2007")
    with pytest.raises(InputError, match=r"holds several years: VOC2007, VOC2012; set prepare.root to one of them"):
        open_voc(settings_of(year.parent))
    assert len(open_voc(settings_of(year)).examples) == 3


def test_several_images_of_one_name(year: Path) -> None:
    write_photo(year / "JPEGImages" / "2008_000005.png", colour=(1, 2, 3))
    with pytest.raises(InputError, match=r"lists 2008_000005, which could be 2008_000005.jpg, 2008_000005.png; remove"):
        open_voc(settings_of(year))
    xml = year / "Annotations" / "2008_000005.xml"
    xml.write_text(xml.read_text().replace("<annotation>", "<annotation><filename>2008_000005.png</filename>"))
    assert {e.path.suffix for e in open_voc(settings_of(year)).examples if e.path and e.image_id == 2008000005} == {
        ".png"
    }


def test_several_lists_of_one_split(year: Path) -> None:
    sets = year / "ImageSets" / "Segmentation"
    (sets / "train.txt").rename(sets / "Train.txt")
    assert len(open_voc(settings_of(year)).examples) == 3
    (sets / "training.txt").write_text("2009_000001\n")
    with pytest.raises(
        InputError, match=r"has several lists of the split train: .*Train.txt, .*training.txt; keep one"
    ):
        open_voc(settings_of(year))


def test_one_photograph_under_two_names(year: Path) -> None:
    (year / "JPEGImages" / "2010_000001.jpg").symlink_to(year / "JPEGImages" / "2009_000001.jpg")
    write_xml(year / "Annotations" / "2010_000001.xml", ["train"])
    with (year / "ImageSets" / "Segmentation" / "train.txt").open("a") as file:
        file.write("2010_000001\n")
    with pytest.raises(
        InputError, match=r"the same file is in both splits: 2009_000001 \(val\) and 2010_000001 \(train\)"
    ):
        open_voc(settings_of(year))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<Annotation/>", "is XML of another kind: it holds <Annotation>, not <annotation>"),
        ("<annotation><object><name> </name></object></annotation>", "the name of object 1 is ' '; it must be text"),
        ("<annotation><object/></annotation>", "the name of object 1 is None; it must be text"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "is not valid XML"),
        ("<annotation><size><width>w</width><height>3</height></size></annotation>", "size is 'w'; it must be a whole"),
    ],
)
def test_xml_without_a_meaning(year: Path, text: str, message: str) -> None:
    (year / "Annotations" / "2008_000005.xml").write_text(text)
    with pytest.raises(InputError) as error:
        open_voc(settings_of(year))
    assert "2008_000005.xml" in str(error.value)
    assert message in str(error.value)


def test_a_labelmap_that_is_broken(year: Path) -> None:
    for text, message in (
        ("cat:1,2,3::\ncat:3,4,5::\n", r"labelmap.txt, line 2: the class 'cat' stands there already"),
        ("cat:1,2::\n", r"labelmap.txt, line 1: the colour is \['1', '2'\]; it must be 3 numbers"),
        ("cat:1,2,3::\n", r"the object name 'dog' is no class; choose from cat"),
    ):
        (year / "labelmap.txt").write_text(text)
        with pytest.raises(InputError, match=message):
            open_voc(settings_of(year))


def test_broken_annotations_are_named(year: Path) -> None:
    xml = year / "Annotations" / "2008_000005.xml"
    write_xml(xml, ["unicorn"])
    with pytest.raises(InputError, match=r"2008_000005.xml: the object name 'unicorn' is no class; choose from aero"):
        open_voc(settings_of(year))
    xml.write_text("<annotation><object>")
    with pytest.raises(InputError, match=r"2008_000005.xml is not valid XML"):
        open_voc(settings_of(year))
    xml.unlink()
    with pytest.raises(InputError, match=r"Annotations lacks the XML files of 2008_000005; restore"):
        open_voc(settings_of(year))


def test_an_image_listed_twice_and_names_that_leave_the_root(year: Path) -> None:
    sets = year / "ImageSets" / "Segmentation"
    (sets / "val.txt").write_text("2009_000001\n2007_000032\n")
    with pytest.raises(InputError, match=r"twice, or in both splits: 2007_000032; remove"):
        open_voc(settings_of(year))
    (sets / "val.txt").write_text("..\n")
    with pytest.raises(InputError, match=r"val.txt: the file name is '..'; it must be a path below"):
        open_voc(settings_of(year))


def test_no_devkit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no VOC devkit: neither it nor VOCdevkit/VOC20\* in it"):
        open_voc(settings_of(tmp_path))
    with pytest.raises(InputError, match=r"prepare.root is '.*none', which is missing"):
        open_voc(settings_of(tmp_path / "none"))


def test_broken_masks_are_named(year: Path) -> None:
    data = open_voc(settings_of(year))
    write_photo(year / "SegmentationObject" / "2007_000032.png")
    with pytest.raises(InputError, match=r"2007_000032.png has 3 axes"):
        data.load(data.examples[0], 0)
    (year / "SegmentationObject" / "2007_000032.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"2007_000032.png is not a readable image"):
        data.load(data.examples[0], 0)
    (year / "SegmentationClass" / "2009_000001.png").unlink()
    with pytest.raises(InputError, match=r"SegmentationClass/2009_000001.png cannot be read"):
        data.load(data.examples[2], 0)


def test_an_object_takes_the_class_of_most_of_its_pixels() -> None:
    objects = np.array([[1, 1, 1, 255], [1, 0, 2, 2]], np.uint8)
    classes = np.array([[255, 5, 5, 255], [6, 0, 20, 0]], np.uint8)
    found = instance_masks(objects, classes, "a.png", 20)
    assert [class_id for class_id, _ in found] == [5, 20]
    assert (found[0][1] == (objects == 1)).all()
    assert instance_masks(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), "a.png", 20) == []


def test_objects_without_a_class_and_files_of_two_sizes() -> None:
    objects = np.array([[1, 0]], np.uint8)
    for value in (0, 255, 21):
        with pytest.raises(InputError, match=r"a.png: object 1 has the class value"):
            instance_masks(objects, np.full((1, 2), value, np.uint8), "a.png", 20)
    with pytest.raises(InputError, match=r"a.png is \(1, 2\), its SegmentationClass file \(2, 2\)"):
        instance_masks(objects, np.zeros((2, 2), np.uint8), "a.png", 20)


def test_a_name_that_no_file_can_have_is_named_in_short(year: Path) -> None:
    (year / "ImageSets" / "Segmentation" / "val.txt").write_text("x" * 200_000)
    with pytest.raises(InputError, match=r"lacks the XML files of x+…; restore them") as raised:
        open_voc(settings_of(year))
    assert len(str(raised.value)) < 1000


def test_what_the_masks_show_beyond_the_xml_is_said(year: Path) -> None:
    write_xml(year / "Annotations" / "2007_000032.xml", ["dog"])
    data = open_voc(settings_of(year))
    picture = data.load(data.examples[0], 0)
    assert [class_id for class_id, _, _ in picture.masks] == [12, 15]
    assert picture.class_ids == (12,)
    assert [(one.reason, Path(one.example).name) for one in picture.remarks] == [
        ("masks show an object of a class that the XML file does not name", "2007_000032.jpg")
    ]


def test_a_photograph_in_the_place_of_a_mask_is_refused() -> None:
    objects = np.arange(100 * 100).reshape(100, 100)
    with pytest.raises(InputError, match=r"a\.png holds 9999 objects; it is no mask that numbers them"):
        instance_masks(np.where(objects == 255, 0, objects), np.ones((100, 100), int), "a.png", 20)
