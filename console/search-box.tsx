import { InputBase } from '@mui/material';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

/** Takes an id of whatever context. */
export function SearchBox() {
  const [text, setText] = useState('');
  const go = useNavigate();
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) go(`/search?q=${encodeURIComponent(text.trim())}`);
        }}
      >
        <InputBase
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="Paste any id"
          slotProps={{ input: { 'aria-label': 'Search by any id' } }}
          sx={{ color: 'inherit', border: 1, borderRadius: 1, px: 1, height: 32, width: { xs: 120, sm: 260 } }}
        />
      </form>
    </search>
  );
}
