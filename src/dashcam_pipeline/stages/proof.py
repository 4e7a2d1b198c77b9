"""The pictures that prove a sighting, cut out of the kept views of the vehicle when its row is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.config import PrivacySettings
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import VehiclePicture
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.proof.evidence import EvidenceFolder
from dashcam_pipeline.storage.proof.strip import StripCrop, strip
from dashcam_pipeline.storage.rows import BoxRow, LookRow, SightingRow
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.vision.veil import FRAME_CELLS, VEHICLE_CELLS, InSight, veiled


@dataclass(frozen=True, slots=True)
class ProofWriter:
    """Writes them to the evidence folder."""

    context: StageContext
    folder: EvidenceFolder

    def write(
        self,
        task_ids: Sequence[str],
        row: SightingRow,
        pictures: Mapping[int, VehiclePicture],
        others: Sequence[Box] = (),
    ) -> SightingRow:
        """The row with the paths of its pictures.

        Args:
            task_ids: leased; a full disk is waited for in their name.
            row: without paths.
            pictures: of the vehicle, by the number of their frame; none is no error.
            others: other vehicles in frame `row.frame_idx` whose boxes overlap this one's.
        """
        shown = pictures.get(row.frame_idx)
        if shown is None:
            return row
        store = self.context.tools.store
        hidden = self._privacy.hash_plates  # then no picture shows a plate
        read = [look for look in row.looks if look.reads and look.frame_idx in pictures and not hidden]
        frames = {row.frame_idx, *(look.frame_idx for look in read)}
        images = {frame: store.get(pictures[frame].frame_id) for frame in sorted(frames)}
        vehicle = images[row.frame_idx]
        plate = None if row.plate_bbox is None or hidden else self._plate(vehicle, shown, row.plate_bbox)
        scene = None if shown.scene_id is None else store.get(shown.scene_id)
        seen = _in_sight(row, others)
        crops = [self._crop(look, images[look.frame_idx], pictures[look.frame_idx]) for look in read]
        paths = when_disk_allows(
            self.context,
            task_ids,
            lambda: self.folder.write(
                row.video_id,
                row.track_id,
                row.part,
                vehicle=self._veiled(vehicle, seen.placed(-shown.left, -shown.top, 1.0), VEHICLE_CELLS),
                plate=plate,
                frame=None
                if scene is None
                else self._veiled(scene, seen.placed(0, 0, shown.scene_scale), FRAME_CELLS),
                strip=strip(crops),
                claimed=row.final_plate is not None,
            ),
        )
        return replace(
            row,
            vehicle_picture=paths.vehicle,
            plate_picture=paths.plate,
            frame_picture=paths.frame,
            strip_picture=paths.strip,
        )

    @property
    def _privacy(self) -> PrivacySettings:
        return self.context.settings.privacy

    def _veiled(self, image: Image, seen: InSight, cells: int) -> Image:
        """The picture as `privacy` wants it: who hides plates hides those of others too."""
        hidden = self._privacy.hash_plates
        if not hidden and self._privacy.blur_evidence == "none":
            return image
        return veiled(image, seen, cells, hide_plate=hidden)

    def _crop(self, look: LookRow, vehicle: Image, picture: VehiclePicture) -> StripCrop:
        assert look.plate_bbox is not None  # what was read was found
        return StripCrop(self._plate(vehicle, picture, look.plate_bbox), look)

    def _plate(self, vehicle: Image, picture: VehiclePicture, plate: BoxRow) -> Image:
        local = Box(*plate).shifted(-picture.left, -picture.top)
        return plate_picture(vehicle, local, self.context.settings.detection)


def _in_sight(row: SightingRow, others: Sequence[Box]) -> InSight:
    own = None if row.car_bbox is None else Box(*row.car_bbox)
    plate = None if row.plate_bbox is None else Box(*row.plate_bbox)
    return InSight(own, plate, tuple(others))
