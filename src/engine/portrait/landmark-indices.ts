/**
 * Indices into MediaPipe's face mesh: 468 skin landmarks, and 10 iris landmarks behind them (478 with attention).
 * Right and left are the person's own: the person's right is the image's left. Each ring of an eye or of the lips runs
 * from one corner along the upper edge to the other corner, then back along the lower edge; the oval starts on top.
 */
export const LANDMARK_COUNT = 478;
export const SKIN_LANDMARK_COUNT = 468;

// biome-ignore-start format: one ring reads best as a few full lines
export const INNER_LIPS = [
  78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
] as const;
export const OUTER_LIPS = [
  61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
] as const;
export const RIGHT_EYE = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7] as const;
export const LEFT_EYE = [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249] as const;
export const FACE_OVAL = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
  172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
] as const;
/** Centre first, then four points on the iris' edge. */
export const RIGHT_IRIS = [468, 469, 470, 471, 472] as const;
export const LEFT_IRIS = [473, 474, 475, 476, 477] as const;
// biome-ignore-end format: one ring reads best as a few full lines

export const FOREHEAD_TOP = 10;
export const CHIN = 152;
export const NOSE_TIP = 4;
/** Middle of the upper and of the lower lip's inner edge. */
export const UPPER_LIP_INNER = 13;
export const LOWER_LIP_INNER = 14;
/** Widest points of the face, in front of the ears. */
export const RIGHT_TRAGUS = 234;
export const LEFT_TRAGUS = 454;
