import numpy as np, cv2
X0, X1, Y0, Y1, PX = -3.6, 3.6, -7.2, -.2, 64
def quick(ict):
    N = ict['neutral'].astype(float); T = ict['triangles']
    D = ict['expressions'][list(ict['expression_names']).index('jawOpen')].astype(float)
    fn = np.cross(N[T[:, 1]] - N[T[:, 0]], N[T[:, 2]] - N[T[:, 0]]); vn = np.zeros_like(N)
    for k in range(3): np.add.at(vn, T[:, k], fn)
    vn /= np.linalg.norm(vn, axis=1, keepdims=True) + 1e-9
    sub = lambda lo, hi: T[((T >= lo) & (T <= hi)).all(1)]
    gums = sub(14062, 17038); jd = -D[:, 1]
    up = gums[(jd[gums].mean(1) < .4) & (N[gums][:, :, 2].mean(1) > 5)]
    low = gums[(jd[gums].mean(1) >= 1.0) & (N[gums][:, :, 2].mean(1) > 5) & (N[gums][:, :, 1].mean(1) < -4.2)]
    SS = 3; W = int((X1 - X0) * PX); H = int((Y1 - Y0) * PX)
    out = {}
    for name, g, t in (('upperTeeth', up, sub(17039, 19246)), ('lowerTeeth', low, sub(19247, 21450))):
        img = np.zeros((H * SS, W * SS, 3), np.float32); al = np.zeros((H * SS, W * SS), np.float32); mk = al.copy()
        if 1:
            tris = np.vstack([g, t]); z = N[tris][:, :, 2].mean(1); isT = np.arange(len(tris)) >= len(g)
            for i in np.argsort(z):
                col, m = ((.97, .93, .86), 1.) if isT[i] else ((.72, .36, .36), 0.)
                p = N[tris[i]]; n = vn[tris[i]].mean(0)
                q = np.stack([(p[:, 0] - X0) * PX, (Y1 - p[:, 1]) * PX], 1) * SS
                s = (.35 + .4 * n[2] + .25 * max(0, n[1])) * (.12 + .88 * np.clip((z[i] - 5) / 5.4, 0, 1) ** 1.3)
                pts = np.rint(q * 16).astype(np.int32)
                cv2.fillConvexPoly(img, pts, tuple(float(c * max(s, 0.02)) for c in col), cv2.LINE_8, 4); cv2.fillConvexPoly(al, pts, 1., cv2.LINE_8, 4); cv2.fillConvexPoly(mk, pts, m, cv2.LINE_8, 4)
        r = lambda a: cv2.resize(a, (W, H), interpolation=cv2.INTER_AREA)
        a = r(al); out[name] = (np.dstack([r(img) / np.maximum(a, 1e-3)[..., None], a]), r(mk) / np.maximum(a, 1e-3))
    yy, xx = np.mgrid[0:H, 0:W]; tx = (xx / PX + X0) / 1.75; ty = (Y1 - yy / PX + 5) / 1.25
    r = np.sqrt(np.abs(tx) ** 2.4 + np.abs(ty) ** 2.4); sh = .55 + .45 * np.sqrt(np.clip(1 - r ** 2, 0, 1)); sh *= 1 - .22 * np.exp(-(tx / .1) ** 2) * np.clip(.9 - np.abs(ty), 0, 1)
    out['tongue'] = (np.dstack([np.array([.78, .42, .42]) * sh[..., None], np.clip((1 - r) * 7, 0, 1)]), np.zeros((H, W)))
    return out
