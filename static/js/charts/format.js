// Numbers as text: three significant digits, a unit that fits, and a dash where there is no value.
// Every page writes its figures through this file, so that 1.84 ms looks the same everywhere.

/** What stands where there is no value. Never 0: a missing value stays missing. */
export const NONE = "—";

/** Three significant digits without exponents: 0.412, 3.08, 41.2, 1,240. @param {number|null|undefined} value */
export function digits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size === 0 ? 0 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** A count, with separators: 12,480. @param {number|null|undefined} value */
export function count(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return Math.round(value).toLocaleString("en");
}

/** Milliseconds as ["1.84", "ms"] or ["2.31", "s"]. @param {number|null|undefined} ms @returns {[string, string]} */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return [NONE, ""];
  return Math.abs(ms) >= 1000 ? [digits(ms / 1000), "s"] : [digits(ms), "ms"];
}

/** The same as one text: "1.84 ms". @param {number|null|undefined} ms */
export function durationText(ms) {
  return duration(ms).join(" ").trim();
}

/** Bytes as ["1.2", "KiB"]; below 10 KiB plain bytes, because there every byte counts here. @param {number|null|undefined} value @returns {[string, string]} */
export function bytes(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return [NONE, ""];
  if (Math.abs(value) < 10240) return [value < 100 && value % 1 ? value.toFixed(1) : count(value), "B"];
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let scaled = value / 1024;
  let unit = 0;
  while (Math.abs(scaled) >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return [digits(scaled), units[unit]];
}

/** The same as one text: "1.20 MiB". @param {number|null|undefined} value */
export function bytesText(value) {
  return bytes(value).join(" ").trim();
}

/** Bytes at an axis, where every value is even: "512 MiB", "1 GiB", "1.5 GiB". @param {number} value */
export function axisBytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return scaled === 0 ? "0" : `${Number(scaled.toFixed(2))} ${units[unit]}`;
}

/** A duration at an axis: "250 ms", "1.5 s". @param {number} ms */
export function axisDuration(ms) {
  if (ms === 0) return "0";
  return ms >= 1000 ? `${Number((ms / 1000).toFixed(2))} s` : `${Number(ms.toFixed(2))} ms`;
}

/** A share as "37.2 %". @param {number|null|undefined} part between 0 and 1 */
export function percent(part) {
  return part === null || part === undefined || !Number.isFinite(part) ? NONE : `${digits(part * 100)} %`;
}
