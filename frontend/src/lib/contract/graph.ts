/**
 * Where the items of a family tree stand: one layer for each generation,
 * ancestors first, and within a layer so that lines cross little.
 */
import type { ItemLink, RelatedItem } from "$lib/client";

export interface Placed {
  item: RelatedItem;
  x: number;
  y: number;
}

export interface Line {
  from: Placed;
  to: Placed;
  path: string;
}

export interface Layout {
  width: number;
  height: number;
  nodes: Placed[];
  lines: Line[];
}

export interface Sizes {
  box: { width: number; height: number };
  gap: { layer: number; beside: number };
}

const ROUNDS = 4;

/** @param across layers stand beside each other; otherwise below each other */
export function layout(items: RelatedItem[], links: ItemLink[], sizes: Sizes, across: boolean): Layout {
  const layers = ordered(layersOf(items), links);
  const [along, beside] = across ? (["width", "height"] as const) : (["height", "width"] as const);
  const step = { along: sizes.box[along] + sizes.gap.layer, beside: sizes.box[beside] + sizes.gap.beside };
  const widest = Math.max(...layers.map((layer) => layer.length), 0);
  const extent = Math.max(widest * step.beside - sizes.gap.beside, 0);
  const nodes = layers.flatMap((layer, depth) => {
    const start = (extent - (layer.length * step.beside - sizes.gap.beside)) / 2;
    return layer.map((item, i) => {
      const [a, b] = [depth * step.along, start + i * step.beside];
      return { item, x: across ? a : b, y: across ? b : a };
    });
  });
  const length = Math.max(layers.length * step.along - sizes.gap.layer, 0);
  return {
    width: across ? length : extent,
    height: across ? extent : length,
    nodes,
    lines: linesOf(nodes, links, sizes, across),
  };
}

function layersOf(items: RelatedItem[]): RelatedItem[][] {
  const depths = [...new Set(items.map(({ depth }) => depth))].sort((a, b) => a - b);
  return depths.map((depth) => items.filter((item) => item.depth === depth));
}

/** Sorts each layer by the middle of its neighbours in the layer before, to and fro. */
function ordered(layers: RelatedItem[][], links: ItemLink[]): RelatedItem[][] {
  const sorted = layers.map((layer) => [...layer]);
  for (let round = 0; round < ROUNDS; round++) {
    const forth = round % 2 === 0;
    const indexes = sorted.map((_, i) => (forth ? i : sorted.length - 1 - i)).slice(1);
    for (const i of indexes) {
      const before = sorted[forth ? i - 1 : i + 1]!;
      sorted[i] = sortBy(sorted[i]!, (item) => middle(item, before, links));
    }
  }
  return sorted;
}

function middle(item: RelatedItem, before: RelatedItem[], links: ItemLink[]): number {
  const places = links.flatMap(({ from, to }) => {
    const other = from === item.name ? to : to === item.name ? from : null;
    const place = before.findIndex(({ name }) => name === other);
    return place < 0 ? [] : [place];
  });
  return places.length === 0 ? 0 : places.reduce((sum, place) => sum + place, 0) / places.length;
}

function sortBy<T>(list: T[], key: (value: T) => number): T[] {
  return list
    .map((value, i) => ({ value, i, key: key(value) }))
    .sort((a, b) => a.key - b.key || a.i - b.i)
    .map(({ value }) => value);
}

function linesOf(nodes: Placed[], links: ItemLink[], { box }: Sizes, across: boolean): Line[] {
  const byName = new Map(nodes.map((node) => [node.item.name, node]));
  return links.flatMap((link) => {
    const [from, to] = [byName.get(link.from), byName.get(link.to)];
    return from && to ? [{ from, to, path: curve(from, to, box, across) }] : [];
  });
}

function curve(from: Placed, to: Placed, box: Sizes["box"], across: boolean): string {
  const [x1, y1] = across
    ? [from.x + box.width, from.y + box.height / 2]
    : [from.x + box.width / 2, from.y + box.height];
  const [x2, y2] = across ? [to.x, to.y + box.height / 2] : [to.x + box.width / 2, to.y];
  const [cx, cy] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return across
    ? `M${x1} ${y1}C${cx} ${y1} ${cx} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1} ${cy} ${x2} ${cy} ${x2} ${y2}`;
}
