/** Files of the made-up ledger to look at: a picture, a hostile page, a hostile drawing, a text and a PDF. */
import type { Opened } from "./types.gen";

interface Sample {
  name: string;
  media: string;
  kind: Opened["kind"];
  content: Uint8Array<ArrayBuffer>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const script = `<script>document.title = "ran"; top.document.title = "ran"; alert("ran")</script>`;

/** A bitmap of 96 by 64, a sunrise over water. */
function picture(): Uint8Array<ArrayBuffer> {
  const [width, height, head] = [96, 64, 54];
  const out = new Uint8Array(head + width * height * 3);
  const view = new DataView(out.buffer);
  out.set(bytes("BM"));
  view.setUint32(2, out.length, true);
  view.setUint32(10, head, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sun = Math.hypot(x - 62, y - 34) < 11;
      const sky = y > 24;
      const at = head + (y * width + x) * 3;
      out.set(
        sun && sky ? [120, 190, 250] : sky ? [150 - y, 120 + y, 190 + y / 2] : [110 + y, 70 + y, 40 + y],
        at,
      );
    }
  }
  return out;
}

const pdf = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj
trailer<</Root 1 0 R>>
%%EOF`;

export const samples: Sample[] = [
  { name: "港口 日出.bmp", media: "image/bmp", kind: "image", content: picture() },
  {
    name: "letter.html",
    media: "text/html",
    kind: "text",
    content: bytes(`<!doctype html><h1>A letter</h1>${script}<img src=x onerror="alert('ran')">`),
  },
  {
    name: "drawing.svg",
    media: "image/svg+xml",
    kind: "text",
    content: bytes(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert('ran')">${script}</svg>`),
  },
  { name: "catalogue.pdf", media: "application/pdf", kind: "pdf", content: bytes(pdf) },
  { name: "notes.txt", media: "text/plain", kind: "text", content: bytes("First draft.\n港口系列初稿。\n") },
  { name: "cover.jpg", media: "image/jpeg", kind: "image", content: bytes(`<html>${script}</html>`) },
  { name: "print.pdf", media: "application/pdf", kind: "pdf", content: bytes(`<html>${script}</html>`) },
];
