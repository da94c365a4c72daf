// Planes of numbers made smaller by area averages and larger by linear interpolation, as OpenCV does it.

/** A plane {data: Float32Array, width, height} at another size: one axis after the other, the width first. */
export function resize(plane, width, height) {
  const narrow =
    plane.width === width
      ? plane
      : {
          data: narrowed(plane.data, plane.width, plane.height, width),
          width,
          height: plane.height,
        };
  if (narrow.height === height) return narrow;
  return { data: lowered(narrow.data, width, narrow.height, height), width, height };
}

/** For each of `to` places out of `from` samples: the first sample, and the weights of it and those that follow. */
function shares(from, to) {
  return Array.from({ length: to }, (_, place) =>
    to < from ? areaShare(place, from, to) : linearShare(place, from, to),
  );
}

function areaShare(place, from, to) {
  const begin = (place * from) / to,
    end = ((place + 1) * from) / to;
  const first = Math.floor(begin + 1e-9),
    weights = [];
  for (let k = first; k < Math.min(from, Math.ceil(end - 1e-9)); k++) {
    weights.push((Math.min(end, k + 1) - Math.max(begin, k)) * (to / from));
  }
  return { first, weights };
}

function linearShare(place, from, to) {
  const where = Math.min(Math.max((place + 0.5) * (from / to) - 0.5, 0), from - 1);
  const first = Math.min(Math.floor(where), from - 1);
  return first + 1 < from ? { first, weights: [1 - (where - first), where - first] } : { first, weights: [1] };
}

/** Rows of `from` numbers -> rows of `to` numbers. */
export function narrowed(data, from, rows, to) {
  if (from === to) return data;
  const out = new Float32Array(rows * to),
    parts = shares(from, to);
  for (let row = 0; row < rows; row++) {
    for (let k = 0, start = row * from; k < to; k++) {
      const { first, weights } = parts[k];
      let sum = 0;
      for (let n = 0; n < weights.length; n++) sum += weights[n] * data[start + first + n];
      out[row * to + k] = sum;
    }
  }
  return out;
}

function lowered(data, width, from, to) {
  const out = new Float32Array(to * width);
  shares(from, to).forEach(({ first, weights }, row) => {
    const line = out.subarray(row * width, (row + 1) * width);
    weights.forEach((weight, n) => {
      const start = (first + n) * width;
      for (let k = 0; k < width; k++) line[k] += weight * data[start + k];
    });
  });
  return out;
}
