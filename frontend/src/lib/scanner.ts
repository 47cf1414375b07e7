/** Reads codes from pictures: with the browser's own detector where there is one, otherwise QR codes by our own decoder. */
import type { Image } from "qr/decode.js";

interface Detector {
  detect(source: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}

interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

export interface Reader {
  /** The text of a code in the picture, or null. */
  read(source: HTMLVideoElement | ImageBitmap): Promise<string | null>;
}

/** Codes that carry links or GS1 element strings. */
const FORMATS = ["qr_code", "data_matrix", "aztec", "pdf417", "code_128"];

export async function openReader(): Promise<Reader> {
  const own = await ownReader();
  const detector = await builtIn();
  if (!detector) return own;
  return {
    read: async (source) => {
      const [code] = await detector.detect(source).catch(() => []);
      return code?.rawValue || own.read(source);
    },
  };
}

async function builtIn(): Promise<Detector | null> {
  const detectors = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  try {
    const formats = (await detectors?.getSupportedFormats())?.filter((format) => FORMATS.includes(format));
    return detectors && formats && formats.length > 0 ? new detectors({ formats }) : null;
  } catch {
    return null; // as where the system offers no such service
  }
}

/** Longest side of the picture that is decoded; larger ones cost time and gain nothing. */
const MAX_SIDE = 1280;

async function ownReader(): Promise<Reader> {
  const { decodeQR } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return {
    read: async (source) => {
      const image = context && pixels(source, canvas, context);
      if (!image) return null;
      try {
        return decodeQR(image);
      } catch {
        return null; // no code in this picture
      }
    },
  };
}

function pixels(
  source: HTMLVideoElement | ImageBitmap,
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
): Image | null {
  const [width, height] =
    "videoWidth" in source ? [source.videoWidth, source.videoHeight] : [source.width, source.height];
  if (width === 0 || height === 0) return null;
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  // Codes may be drawn on nothing at all; they are read as on paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
