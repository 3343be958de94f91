/*
  histogram.js: how often each delay was seen, after the idea of Gil Tene's HdrHistogram: buckets whose width
  grows with the value, so that any value from 0 µs to over an hour is kept with less than 1 % error, in a
  fixed 7 KB. Two histograms are merged by adding their counts; percentiles are never averaged.

  Values below 64 have a bucket each. Above, every power of two is cut into 64 equal buckets: a bucket is at
  most 1/64 of its value wide, and its middle at most 0.8 % away from anything in it.
  Left out: correction for coordinated omission. Delays here are counted from the intended time, which needs none.
*/

const PER_OCTAVE = 64;
const FIRST_OCTAVE = 6; // 2^6 = 64
const OCTAVES = 32 - FIRST_OCTAVE;
const LARGEST = 2 ** 32 - 1; // µs, a little over 71 minutes

export class Histogram {
  counts = new Uint32Array(PER_OCTAVE * (OCTAVES + 1));
  count = 0;
  min = Infinity;
  max = -Infinity;

  /** @param {number} value  whole or fractional µs; a negative one (a clock wrong within its bound) counts as 0 */
  record(value) {
    if (!Number.isFinite(value)) return;
    const whole = Math.min(LARGEST, Math.max(0, Math.round(value)));
    this.counts[bucketOf(whole)] += 1;
    this.count += 1;
    this.min = Math.min(this.min, whole);
    this.max = Math.max(this.max, whole);
  }

  /** @param {Histogram} other  its counts are added to these */
  merge(other) {
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) this.counts[bucket] += other.counts[bucket];
    this.count += other.count;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }

  /**
   * The value that `percent` of all values do not exceed.
   * @param {number} percent  0 to 100
   * @returns {number}  NaN when nothing was recorded
   */
  percentile(percent) {
    if (this.count === 0) return NaN;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) {
      seen += this.counts[bucket];
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, middleOf(bucket)));
    }
    return this.max;
  }

  reset() {
    this.counts.fill(0);
    this.count = 0;
    this.min = Infinity;
    this.max = -Infinity;
  }
}

/** @param {number} value  whole, 0 to LARGEST */
function bucketOf(value) {
  if (value < PER_OCTAVE) return value;
  const octave = 31 - Math.clz32(value); // position of the highest bit
  const within = (value >>> (octave - FIRST_OCTAVE)) - PER_OCTAVE;
  return PER_OCTAVE * (octave - FIRST_OCTAVE + 1) + within;
}

/** @param {number} bucket */
function middleOf(bucket) {
  if (bucket < PER_OCTAVE) return bucket;
  const width = 2 ** (Math.floor(bucket / PER_OCTAVE) - 1);
  return (PER_OCTAVE + (bucket % PER_OCTAVE)) * width + (width - 1) / 2;
}
