"""Where frames come from: video files, later cameras and uploads."""

from dashcam_pipeline.sources.base import Frame, FrameSource, Verdict
from dashcam_pipeline.sources.bookmark import Bookmark
from dashcam_pipeline.sources.discover import VIDEO_SUFFIXES, Discovery, Skipped, discover
from dashcam_pipeline.sources.names import natural_key, shown
from dashcam_pipeline.sources.probe import VideoInfo, probe, video_id
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile

__all__ = [
    "VIDEO_SUFFIXES",
    "Bookmark",
    "Discovery",
    "Frame",
    "FrameSource",
    "Sampler",
    "Skipped",
    "Verdict",
    "VideoFile",
    "VideoInfo",
    "discover",
    "natural_key",
    "probe",
    "shown",
    "video_id",
]
