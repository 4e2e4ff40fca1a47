import { Box, Button } from '@mui/material';
import { useState } from 'react';

/** The pages of a list within a page: where this one begins, and the way to the others. */
export function useCursorPages() {
  const [cursors, setCursors] = useState<string[]>([]);
  const buttons = (next: string | null | undefined) => {
    const following = next && new URLSearchParams(next.split('?')[1]).get('cursor');
    if (!cursors.length && !following) return null;
    return (
      <Box>
        <Button disabled={!cursors.length} onClick={() => setCursors(cursors.slice(0, -1))}>
          Back
        </Button>
        <Button disabled={!following} onClick={() => following && setCursors([...cursors, following])}>
          Next
        </Button>
      </Box>
    );
  };
  return { cursor: cursors.at(-1), buttons, begin: () => setCursors([]) };
}
