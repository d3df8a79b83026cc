// What a script has printed, as lines of styled text. Colours are kept; every other escape and control character becomes text, so
// no output moves the cursor, hides itself, or does anything to the page.

import { visible } from '../text.ts';
import { classesOf, nextStyle, PLAIN, type Style } from './styles.ts';

// A longer line goes on in the next row: browsers draw very long ones slowly.
const MOST_IN_ROW = 2000;
// A longer sequence is no colour.
const MOST_PARAMETERS = 64;
// More pieces of other colours than these in one row are drawn slowly too.
const MOST_SPANS = 200;
// Rows that are kept: a script may print for hours. What is left out is in the middle, as the server does it.
const MOST_ROWS = 100_000;
const HEAD_ROWS = 20_000;
const TAB = 8;

export interface Span {
  text: string;
  classes: string;
}

export interface Line {
  spans: Span[];
  at: number; // When it came, in milliseconds; 0: before anybody watched.
  isContinued: boolean; // It belongs to the line before it.
}

// A colour; or the end of what has come, which may become one.
const COLOUR = new RegExp(`\\u001b\\[([0-9;:]{0,${MOST_PARAMETERS}})m`, 'y');
const UNFINISHED = new RegExp(`^\\u001b(\\[[0-9;:]{0,${MOST_PARAMETERS}})?$`);

export class Screen {
  readonly lines: Line[] = [];
  private decoder = new TextDecoder();
  private style: Style = PLAIN;
  private rest = ''; // An escape of which only the beginning has come.
  private line: Line | undefined;
  private width = 0;
  private forgotten = 0;

  // More of the output, as printed.
  write(data: Uint8Array, at: number): void {
    this.take(this.rest + this.decoder.decode(data, { stream: true }), at, false);
  }

  // Nothing more comes.
  end(): void {
    this.take(this.rest + this.decoder.decode(), 0, true);
  }

  // A line of this page's own, between those of the script.
  note(text: string): void {
    this.take(this.rest + this.decoder.decode(), 0, true);
    this.lines.push({ spans: [{ text, classes: 'note' }], at: 0, isContinued: false });
    this.line = undefined;
  }

  textOf(row: number): string {
    return this.lines[row]?.spans.map((span) => span.text).join('') ?? '';
  }

  private take(text: string, at: number, isEnd: boolean): void {
    this.rest = '';
    let begin = 0;
    for (let end = 0; end <= text.length; end++) {
      const character = text[end];
      if (end < text.length && character !== '\n' && character !== '\r' && character !== '\u001b') continue;
      this.put(text.slice(begin, end), at);
      begin = end + 1;
      if (character === '\n') {
        this.current(at);
        this.line = undefined;
      } else if (character === '\r') {
        // What overwrites a line stands below it instead; before a line feed it is nothing.
        const next = text[end + 1];
        if (next !== undefined && next !== '\n' && this.line !== undefined) this.line = undefined;
        else if (next === undefined && !isEnd) this.rest = '\r';
      } else if (character === '\u001b') {
        COLOUR.lastIndex = end;
        const colour = COLOUR.exec(text);
        if (colour !== null) {
          this.style = nextStyle(this.style, colour[1] as string);
          end = COLOUR.lastIndex - 1;
          begin = COLOUR.lastIndex;
        } else if (!isEnd && UNFINISHED.test(text.slice(end))) {
          this.rest = text.slice(end);
          return;
        } else {
          this.put('\u001b', at);
        }
      }
    }
  }

  private put(text: string, at: number): void {
    let left = this.expand(text);
    const classes = classesOf(this.style);
    while (left !== '') {
      let line = this.current(at);
      const isOther = line.spans.at(-1)?.classes !== classes;
      if (this.width >= MOST_IN_ROW || (isOther && line.spans.length >= MOST_SPANS)) line = this.begin(at, true);
      const piece = left.slice(0, MOST_IN_ROW - this.width);
      left = left.slice(piece.length);
      const last = line.spans.at(-1);
      if (last?.classes === classes) last.text += piece;
      else line.spans.push({ text: piece, classes });
      this.width += piece.length;
    }
  }

  private expand(text: string): string {
    return text
      .split('\t')
      .map((part, index, parts) => {
        const shown = visible(part);
        return index + 1 < parts.length ? shown + ' '.repeat(TAB - ((this.width + shown.length) % TAB)) : shown;
      })
      .join('');
  }

  private current(at: number): Line {
    return this.line ?? this.begin(at, false);
  }

  private begin(at: number, isContinued: boolean): Line {
    this.line = { spans: [], at, isContinued };
    this.lines.push(this.line);
    this.width = 0;
    if (this.lines.length > MOST_ROWS) this.forget();
    return this.line;
  }

  // Many at once: each time all that follow are moved.
  private forget(): void {
    const gone = this.lines.splice(HEAD_ROWS, HEAD_ROWS / 2);
    this.forgotten += gone.length - (this.forgotten > 0 ? 1 : 0);
    const text = `… ${this.forgotten.toLocaleString()} lines are left out here; a download has what is stored of them …`;
    this.lines.splice(HEAD_ROWS, 0, { spans: [{ text, classes: 'note' }], at: 0, isContinued: false });
  }
}
