/** Walks a directory of chunks series by series. */

import type { ChunkDirectory, ChunkRef } from './chunk-directory.ts';

/** Ids of all series with chunks, ascending, each once. */
export function* seriesIdsOf(directory: ChunkDirectory): Generator<number> {
  const { layers, buried } = directory;
  const places = layers.map(() => 0);
  for (;;) {
    let least = Number.POSITIVE_INFINITY;
    layers.forEach((layer, i) => {
      while (places[i]! < layer.count && buried.has(layer.rowNos[places[i]!]!)) places[i]!++;
      if (places[i]! < layer.count) least = Math.min(least, layer.seriesIds[places[i]!]!);
    });
    if (least === Number.POSITIVE_INFINITY) return;
    layers.forEach((layer, i) => {
      while (places[i]! < layer.count && layer.seriesIds[places[i]!] === least) places[i]!++;
    });
    yield least;
  }
}

/** All chunks of a series by first offset. */
export function chunksOf(directory: ChunkDirectory, seriesId: number): ChunkRef[] {
  return directory.find(seriesId, 0, Number.MAX_SAFE_INTEGER);
}
