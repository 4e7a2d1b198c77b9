"""How boxes lie to each other."""

from __future__ import annotations

from dashcam_pipeline.vision.types import Box


def intersection(one: Box, other: Box) -> float:
    """The area that both cover, in square pixels."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    return width * height if width > 0.0 and height > 0.0 else 0.0


def iou(one: Box, other: Box) -> float:
    """Intersection over union: 0 = apart, 1 = the same."""
    both = intersection(one, other)
    return both / (one.area + other.area - both) if both > 0.0 else 0.0


def growth(one: Box, other: Box) -> float:
    """How many times as wide or as high the larger of two boxes is; at least 1. Boxes without a pixel count as one."""
    sides = ((one.width, other.width), (one.height, other.height))
    return max(max(first, second, 1.0) / max(min(first, second), 1.0) for first, second in sides)
