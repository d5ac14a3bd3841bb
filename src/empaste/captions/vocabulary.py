"""The words of context substitution: distractors as published (EM-Paste §2.2), synonyms of VOC's and COCO's classes."""

NEUTRAL = "object"
"""What stands for a class where no distractor is left."""

DISTRACTORS: dict[str, tuple[str, ...]] = {
    "accessory": ("coat", "T-shirt", "gloves", "scarf", "trousers"),
    "animal": ("lion", "tiger", "cheetah", "pig", "horse", "rabbit"),
    "appliance": ("washing machine", "injector", "lamp", "air conditioner", "humidifier"),
    "electronic": ("battery", "computer charger", "circuit board", "mp4 player", "headphone"),
    "food": ("berry", "mango", "pineapple", "watermelon", "olive"),
    "furniture": ("bookcase", "piano", "wardrobe", "washstand", "sofa"),
    "indoor": ("board game", "detergent", "coffee", "pencil case", "drinking straw"),
    "kitchen": ("water-tap", "juicer", "sink", "hot pot", "kettle"),
    "person": ("monkey", "gorilla"),
    "outdoor": ("tree", "billboard", "gate"),
    "sports": ("basketball", "tent", "ballon", "swimming ring", "football"),
    "vehicle": ("tank", "helicopter", "bulldozer", "UFO", "scooter"),
}
"""Supercategory (COCO's names) → distractors, spelled as published."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": (
        "people", "human", "human being", "man", "woman", "boy", "girl", "child", "kid", "toddler", "baby", "infant",
        "guy", "lady", "gentleman", "teenager", "adult", "crowd", "pedestrian", "passenger", "rider", "skier",
        "snowboarder", "skateboarder", "surfer", "player", "worker", "chef", "policeman", "police officer", "soldier",
        "bride", "groom", "family", "couple", "friend", "tourist", "spectator", "cyclist", "biker", "batter", "catcher",
        "pitcher", "umpire", "cowboy", "fisherman", "farmer", "somebody", "someone",
    ),
    "bicycle": ("bike", "cycle", "pushbike", "tricycle", "mountain bike"),
    "car": ("automobile", "sedan", "taxi", "cab", "suv", "jeep", "minivan", "convertible", "sports car"),
    "motorcycle": ("motorbike", "motor bike", "moped", "scooter", "motor scooter", "motor cycle"),
    "airplane": ("aeroplane", "plane", "aircraft", "jet", "airliner", "jetliner", "biplane", "jumbo jet"),
    "bus": ("coach", "minibus", "double decker", "school bus"),
    "train": ("locomotive", "railway car", "tram", "subway train"),
    "truck": ("lorry", "pickup", "pickup truck", "trailer truck", "van"),
    "boat": ("ship", "sailboat", "sailing boat", "canoe", "kayak", "yacht", "ferry", "rowboat", "dinghy", "gondola"),
    "traffic light": ("stoplight", "stop light", "traffic signal", "street light"),
    "fire hydrant": ("hydrant",),
    "stop sign": (),
    "parking meter": (),
    "bench": ("park bench",),
    "bird": (
        "duck", "goose", "gull", "seagull", "pigeon", "parrot", "swan", "eagle", "owl", "chicken", "hen", "rooster",
        "sparrow", "flamingo", "ostrich", "penguin",
    ),
    "cat": ("kitten", "kitty", "tomcat"),
    "dog": ("puppy", "pup", "hound", "doggy", "bulldog", "terrier", "poodle", "retriever"),
    "horse": ("pony", "foal", "stallion", "mare"),
    "sheep": ("lamb", "ram", "ewe"),
    "cow": ("cattle", "bull", "calf", "ox", "heifer", "bison"),
    "elephant": (),
    "bear": ("polar bear", "grizzly", "panda", "bear cub"),
    "zebra": (),
    "giraffe": (),
    "backpack": ("rucksack", "knapsack"),
    "umbrella": ("parasol",),
    "handbag": ("purse", "tote bag"),
    "tie": ("necktie", "bow tie"),
    "suitcase": ("luggage", "baggage"),
    "frisbee": (),
    "skis": ("ski",),
    "snowboard": (),
    "sports ball": ("ball", "soccer ball", "tennis ball", "baseball", "basketball", "football"),
    "kite": (),
    "baseball bat": ("bat",),
    "baseball glove": ("mitt", "baseball mitt", "catcher's mitt"),
    "skateboard": ("skate board",),
    "surfboard": ("surf board",),
    "tennis racket": ("racket", "racquet", "tennis racquet"),
    "bottle": ("flask", "beer bottle", "wine bottle", "water bottle"),
    "wine glass": ("glass of wine", "wineglass", "goblet"),
    "cup": ("mug", "teacup"),
    "fork": (),
    "knife": (),
    "spoon": (),
    "bowl": (),
    "banana": (),
    "apple": (),
    "sandwich": ("burger", "hamburger", "sub"),
    "orange": ("tangerine", "mandarin"),
    "broccoli": (),
    "carrot": (),
    "hot dog": ("hotdog", "frankfurter"),
    "pizza": (),
    "donut": ("doughnut",),
    "cake": ("cupcake", "birthday cake"),
    "chair": ("armchair", "stool", "rocking chair"),
    "couch": ("sofa", "settee", "loveseat"),
    "potted plant": ("pottedplant", "houseplant", "house plant", "pot plant", "plant"),
    "bed": ("bunk bed",),
    "dining table": ("diningtable", "table", "desk"),
    "toilet": ("urinal", "commode"),
    "tv": ("tvmonitor", "tv monitor", "television", "television set", "monitor", "tv set", "screen"),
    "laptop": ("laptop computer", "notebook computer", "computer"),
    "mouse": ("computer mouse",),
    "remote": ("remote control",),
    "keyboard": ("computer keyboard",),
    "cell phone": ("cellphone", "mobile phone", "smartphone", "phone", "telephone"),
    "microwave": ("microwave oven",),
    "oven": ("stove",),
    "toaster": (),
    "sink": ("washbasin", "wash basin"),
    "refrigerator": ("fridge", "freezer"),
    "book": (),
    "clock": ("clock tower", "wall clock"),
    "vase": (),
    "scissors": ("pair of scissors",),
    "teddy bear": ("stuffed bear", "stuffed animal"),
    "hair drier": ("hair dryer", "hairdryer", "blow dryer"),
    "toothbrush": ("tooth brush",),
    "flower": ("blossom", "rose", "tulip", "daisy", "sunflower"),
    "house": ("cottage", "hut", "cabin"),
    "mushroom": ("toadstool",),
    "fish": ("goldfish",),
}  # fmt: skip
"""Class name → other words for it, normalised (lower case, single spaces), singular unless they have none."""

PLURAL_ONLY = frozenset(("people", "cattle", "scissors", "skis"))
"""Words that name several without an ending."""

_IRREGULAR = {
    "person": "persons", "people": "peoples", "man": "men", "woman": "women", "gentleman": "gentlemen",
    "policeman": "policemen", "fisherman": "fishermen", "child": "children", "mouse": "mice", "goose": "geese",
    "knife": "knives", "calf": "calves", "ox": "oxen", "sheep": "sheep", "cattle": "cattle", "fish": "fish",
    "aircraft": "aircraft", "scissors": "scissors", "skis": "skis", "luggage": "luggage", "baggage": "baggage",
    "gloves": "gloves", "trousers": "trousers", "coffee": "coffee", "broccoli": "broccoli",
    "somebody": "somebody", "someone": "someone", "piano": "pianos", "bison": "bison",
}  # fmt: skip


def plural(phrase: str) -> str:
    """``phrase`` with its last word in the plural."""
    *before, last = phrase.split(" ")
    return " ".join([*before, _IRREGULAR.get(last.lower(), _regular_plural(last))])


def _regular_plural(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"
