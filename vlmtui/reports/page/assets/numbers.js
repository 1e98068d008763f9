// How numbers are written: as in the other reports, digit for digit. Ties go to the even digit, as Python's do.

const NONE = "–";

const tied = (rest) => /^50*$/.test(rest);
const even = (digit) => "02468".includes(digit);

/** `digits` significant digits of x > 0, and the power of ten of the first. */
function significant(x, digits) {
  const [exact, power] = x.toExponential(60).split("e");
  const kept = exact.slice(0, digits + 1);
  const down = tied(exact.slice(digits + 1)) && even(kept.at(-1));
  const [rounded, at] = down ? [kept, power] : x.toExponential(digits - 1).split("e");
  return [rounded.replace(".", ""), Number(at)];
}

/** x ≥ 0 with so many decimals. */
function fixed(x, decimals) {
  const exact = x.toFixed(decimals + 40);
  const kept = exact.slice(0, -40);
  const down = tied(exact.slice(-40)) && even(kept.replace(".", "").at(-1));
  return down ? kept.replace(/\.$/, "") : x.toFixed(decimals);
}

/** A score or a norm with four significant digits or more: 1.041, 313.2, 12346, 0.0003172, 1.235e+07. */
function figure(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  const sign = value < 0 ? "-" : "";
  const size = Math.abs(value);
  if (size >= 10 ** digits && size < 1e7) return sign + fixed(size, 0);
  const [all, power] = significant(size, digits);
  if (power < -4 || power >= digits) {
    const tail = digits > 1 ? `.${all.slice(1)}` : "";
    return `${sign}${all[0]}${tail}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${all}`;
  const tail = all.slice(power + 1);
  return sign + all.slice(0, power + 1) + (tail ? `.${tail}` : "");
}

/** A share out of 100: 27%, 99.6%; never rounded up to 100 or down to 0. */
function percent(value) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0 || value === 100) return `${value}%`;
  if (value < 0.05 || value > 99.95) return value < 50 ? "<0.1%" : ">99.9%";
  return `${fixed(value, value < 1 || value > 99 ? 1 : 0)}%`;
}

/** How much of something a number is beyond, rounded down, and the rest: 27% and of noise, all and noise, no and noise. */
function partOf(value, whole) {
  if (value === 0 || value === 100) return [value ? "all" : "no", whole];
  const steps = value < 1 || value > 99 ? 10 : 1;
  const down = Math.floor(value * steps + 5e-5) / steps;
  return [down ? percent(down) : "<0.1%", `of ${whole}`];
}

/** Pixels of the file: (229.3, 61) – (260.1, 91.5). */
function boxText(corners) {
  const [x0, y0, x1, y1] = Array.from(corners, (corner) => fixed(corner, 1).replace(/\.0$/, ""));
  return `(${x0}, ${y0}) – (${x1}, ${y1})`;
}

/** 1 token, 1,024 tokens. */
function count(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}
