// The scale: cividis, which is perceptually uniform and read alike with and without red-green blindness.
// On a light ground it runs the other way, so that more always stands out more.

const STOPS = ["00204d", "00336f", "39486b", "575c6d", "707173", "8a8779", "a69d75", "c4b56c", "e4cf5b", "ffea46"]
  .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

export const STEPS = 256;

export function scale(light) {
  const table = new Uint8ClampedArray(STEPS * 4);
  for (let step = 0; step < STEPS; step += 1) {
    const share = light ? 1 - step / (STEPS - 1) : step / (STEPS - 1);
    const place = share * (STOPS.length - 1);
    const low = Math.min(STOPS.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel += 1) {
      const [from, to] = [STOPS[low][channel], STOPS[low + 1][channel]];
      table[step * 4 + channel] = from + (to - from) * (place - low);
    }
    table[step * 4 + 3] = 120 + (135 * step) / (STEPS - 1);
  }
  return table;
}

// Amounts span five decades: the step grows with the logarithm, from a thousandth of the largest on.
export function stepper(largest) {
  const floor = Math.max(1, largest / 1000);
  const span = Math.log(Math.max(largest, floor * 1.0001) / floor);
  return {
    floor,
    of: (value) => Math.max(0, Math.min(STEPS - 1, Math.round((Math.log(value / floor) / span) * (STEPS - 1)))),
  };
}

export function paintLegend(canvas, table) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(STEPS, canvas.height);
  for (let y = 0; y < canvas.height; y += 1) image.data.set(table, y * STEPS * 4);
  context.putImageData(image, 0, 0);
}
