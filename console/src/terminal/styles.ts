// Colours of a terminal (SGR, ECMA-48 8.3.117), as far as they cannot hide anything: no blinking, no concealed text, and colours
// by their names, which the style sheet makes readable. Whatever the script sends, a style takes a few bytes.

export interface Style {
  foreground: number; // 0 to 15; -1: the terminal's own.
  background: number;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underlined: boolean;
  inverse: boolean;
}

export const PLAIN: Readonly<Style> = {
  foreground: -1,
  background: -1,
  bold: false,
  faint: false,
  italic: false,
  underlined: false,
  inverse: false,
};

// The one of the 16 colours that is nearest, for those who name others.
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  const bits = (value: number) => (value > most / 2 ? 1 : 0);
  if (most < 64) return 0;
  const colour = bits(red) | (bits(green) << 1) | (bits(blue) << 2);
  if (colour === 7 && most < 192) return 8;
  return most > 192 ? colour + 8 : colour;
}

function ofPalette(index: number): number {
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

// Reads '5;N' or '2;R;G;B' after a 38 or 48; returns the colour, if it is one, and how many numbers it took.
function extendedColour(numbers: readonly number[], at: number): [colour: number | undefined, taken: number] {
  const isByte = (value: number | undefined): value is number => value !== undefined && value <= 255;
  if (numbers[at] === 5) {
    const index = numbers[at + 1];
    return [isByte(index) ? ofPalette(index) : undefined, 2];
  }
  if (numbers[at] === 2) {
    const [red, green, blue] = numbers.slice(at + 1, at + 4);
    return [isByte(red) && isByte(green) && isByte(blue) ? nearest(red, green, blue) : undefined, 4];
  }
  return [undefined, 1];
}

function withNumber(style: Style, number: number): Style {
  switch (number) {
    case 0:
      return { ...PLAIN };
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, faint: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return { ...style, underlined: true };
    case 7:
      return { ...style, inverse: true };
    case 21:
    case 22:
      return { ...style, bold: false, faint: false };
    case 23:
      return { ...style, italic: false };
    case 24:
      return { ...style, underlined: false };
    case 27:
      return { ...style, inverse: false };
    case 39:
      return { ...style, foreground: -1 };
    case 49:
      return { ...style, background: -1 };
  }
  if (number >= 30 && number <= 37) return { ...style, foreground: number - 30 };
  if (number >= 40 && number <= 47) return { ...style, background: number - 40 };
  if (number >= 90 && number <= 97) return { ...style, foreground: number - 82 };
  if (number >= 100 && number <= 107) return { ...style, background: number - 92 };
  return style;
}

// `parameters` is what stands between CSI and 'm'.
export function nextStyle(style: Style, parameters: string): Style {
  const numbers = parameters.split(/[;:]/).map(Number);
  let next = style;
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number;
    if (number === 38 || number === 48) {
      const [colour, taken] = extendedColour(numbers, at + 1);
      if (colour !== undefined) next = number === 38 ? { ...next, foreground: colour } : { ...next, background: colour };
      at += taken;
    } else {
      next = withNumber(next, number);
    }
  }
  return next;
}

// The classes of the style sheet; empty for plain text.
export function classesOf(style: Style): string {
  const classes = [];
  if (style.foreground >= 0) classes.push(`fg${style.foreground}`);
  if (style.background >= 0) classes.push(`bg${style.background}`);
  if (style.bold) classes.push('bold');
  if (style.faint) classes.push('faint');
  if (style.italic) classes.push('italic');
  if (style.underlined) classes.push('underlined');
  if (style.inverse) classes.push('inverse');
  return classes.join(' ');
}
