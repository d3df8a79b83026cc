// How figures, times and foreign text are written.

// What would not be seen, or would change how the text around it is seen: control characters, separators of lines and paragraphs,
// marks of direction, characters without width, and letters that are blank.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

function picture(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

// Foreign text in one line, of which nothing hides.
export function visible(text: string): string {
  return text.replace(UNSEEN, picture);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

// "HOST:PORT", with an IPv6 address in brackets.
export function endpoint(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export function bytes(count: number): string {
  if (count < 1024) return plural(count, 'byte');
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

// "failed" of "NONZERO_EXIT" and "nonzero_exit".
export function words(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ');
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export function sinceThen(time: string, now = Date.now()): string {
  return duration(now - Date.parse(time));
}

export function localTime(time: string): string {
  const then = new Date(time);
  const clock = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  if (then.toDateString() === new Date().toDateString()) return clock;
  return `${then.toLocaleDateString([], { year: 'numeric', month: 'short', day: 'numeric' })} ${clock}`;
}

export function toBase64(data: Uint8Array): string {
  let text = '';
  // In pieces: a function takes only so many arguments.
  for (let begin = 0; begin < data.length; begin += 8192) text += String.fromCharCode(...data.subarray(begin, begin + 8192));
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
