/** The README's example order. */
export const ORDER = {
  address: 'Ariana Nkhilet',
  phone_number: '+21658741196',
  total_paid: 50,
  currency: 'TND',
  items: [
    { item_name: 'item1', price: 20, quantity: 1 },
    { item_name: 'item2', price: 30, quantity: 1 },
  ],
};
