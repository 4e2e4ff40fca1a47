import NavigateBefore from '@mui/icons-material/NavigateBefore';
import NavigateNext from '@mui/icons-material/NavigateNext';
import { Box, Button, MenuItem, TextField } from '@mui/material';
import { useListContext } from 'react-admin';

const LENGTHS = [25, 50, 100, 200];

/** Forward and back: nobody counts the things of a list, so there is no last page to go to. */
export function Pages() {
  const { page, perPage, setPage, setPerPage, hasNextPage, hasPreviousPage } = useListContext();
  return (
    <Box sx={{ display: 'flex', alignItems: 'center', justifyContent: 'flex-end', gap: 1, py: 1, flexWrap: 'wrap' }}>
      <TextField
        select
        label="Rows per page"
        value={perPage}
        onChange={(event) => setPerPage(Number(event.target.value))}
        fullWidth={false}
        sx={{ minWidth: 130, m: 0 }}
      >
        {LENGTHS.map((length) => (
          <MenuItem key={length} value={length}>
            {length}
          </MenuItem>
        ))}
      </TextField>
      <Button startIcon={<NavigateBefore />} disabled={!hasPreviousPage} onClick={() => setPage(page - 1)}>
        Back
      </Button>
      <span>Page {page}</span>
      <Button endIcon={<NavigateNext />} disabled={!hasNextPage} onClick={() => setPage(page + 1)}>
        Next
      </Button>
    </Box>
  );
}
