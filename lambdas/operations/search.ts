import type * as z from 'zod';
import type { Handler } from '../kernel/http';
import { inParallel } from '../kernel/parallel';
import type { Operations } from './contract';
import { ask } from './own-api';
import type { SearchMatch } from './schema';
import { type Found, PLACES, type Place } from './search-places';

/** Calls of the API at once. */
const AT_ONCE = 6;

/** The statuses by which a place says that it has nothing for whoever asks. */
const NOTHING = [400, 403, 404, 410, 422];

type Match = z.output<typeof SearchMatch>;

const matchOf = ({ context, entity, path, link, id, title, state, waits }: Place, q: string, found: Found): Match => ({
  context,
  entity,
  id: id(found),
  title: title(found).slice(0, 200),
  state: state(found),
  waiting_for: waits?.(found) ?? null,
  link: link?.(found) ?? path(q),
});

/** A key that was pasted whole is a secret: only its prefix goes on. */
const withoutSecret = (q: string): string => q.replace(/^(mk_[A-Za-z0-9]{8})_.+$/, '$1');

/**
 * Asks every place that the text can be an id of, in the name of whoever searches: nobody finds what they may not see.
 * One call of the API a place, 16 at the most, six at once.
 */
export const search: Handler<Operations['search']> = async (call) => {
  const q = withoutSecret(call.query.q);
  const results: Match[] = [];
  const unanswered = new Set<string>();
  await inParallel(
    AT_ONCE,
    PLACES.filter(({ fits }) => fits(q)),
    async (place) => {
      const { status, body } = await ask(call, place.path(q)).catch(() => ({ status: 0, body: undefined }));
      if (status !== 200 || typeof body !== 'object' || body === null) {
        if (!NOTHING.includes(status)) unanswered.add(place.context);
        return;
      }
      const found = place.pick ? place.pick(body as Found) : (body as Found);
      if (found) results.push(matchOf(place, q, found));
    },
  );
  const rank = (match: Match): number =>
    PLACES.findIndex(({ context, entity }) => context === match.context && entity === match.entity);
  return { q, results: results.sort((a, b) => rank(a) - rank(b)), unanswered: [...unanswered].sort() };
};
