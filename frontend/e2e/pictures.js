// Pictures of QR codes for tests: as a file, and as what a camera sees.
import { crc32, deflateSync } from "node:zlib";
import encodeQR from "qr";

/**
 * Brightness by rows, dark modules on light paper.
 * @param {string} text @param {number} side @param {number} width @param {number} height
 */
function rows(text, side, width, height) {
  const modules = encodeQR(text, "raw", { ecc: "medium", border: 4 });
  const left = Math.floor((width - modules.length * side) / 2);
  const top = Math.floor((height - modules.length * side) / 2);
  return Array.from({ length: height }, (_, y) =>
    Uint8Array.from({ length: width }, (_, x) => {
      const dark = modules[Math.floor((y - top) / side)]?.[Math.floor((x - left) / side)];
      return dark ? 20 : 235;
    }),
  );
}

/** @param {string} text @returns {Buffer} a PNG, large enough to be read */
export function codePicture(text) {
  const size = (encodeQR(text, "raw", { border: 4 }).length + 8) * 6;
  const lines = rows(text, 5, size, size).map((row) => Buffer.concat([Buffer.of(0), row]));
  /** @param {string} type @param {Buffer} data */
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head[8] = 8; // bits, of grey
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.concat(lines))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** @param {string} text @returns {Buffer} a film of one picture, for Chromium's made-up camera */
export function codeFilm(text) {
  const [width, height] = [640, 480];
  const grey = Buffer.alloc((width * height) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), ...rows(text, 8, width, height), grey]);
  return Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420mpeg2\n`),
    frame,
    frame,
  ]);
}
