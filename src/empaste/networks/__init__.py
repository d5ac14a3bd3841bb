"""Networks with weights by name, from a local file or none, taken apart into maps, ``phi`` and logits.

``resnet_slim`` and ``resnet_slim_pooled`` are for small images and small machines: one basic block per stage and a
total stride of 16. The others are torchvision's.
"""
