/** The beginning of a text that takes so many bytes of UTF-8 at the most, cut between characters. */
export const firstBytes = (text: string, most: number): string =>
  text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(most)).read);
