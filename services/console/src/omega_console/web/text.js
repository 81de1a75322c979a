// Numbers and instants as texts.

const NUMBER = new Intl.NumberFormat("en");
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export const number = (value) => NUMBER.format(value);

export const decimal = (value, digits = 3) => Number(value).toFixed(digits);

export function bytes(value) {
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < UNITS.length - 1) { left /= 1024; unit += 1; }
  return `${left.toFixed(unit && left < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

/** An instant in the reader's time zone; a dash where there is none. */
export function instant(value) {
  return value ? new Date(value).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }) : "–";
}

export const clock = (value) => new Date(value).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

export const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)} %` : "–");

export const milliseconds = (seconds) => `${(1000 * seconds).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
