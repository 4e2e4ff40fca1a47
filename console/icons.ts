import AssignmentTurnedIn from '@mui/icons-material/AssignmentTurnedIn';
import Campaign from '@mui/icons-material/Campaign';
import Contacts from '@mui/icons-material/Contacts';
import CreditCard from '@mui/icons-material/CreditCard';
import DoneAll from '@mui/icons-material/DoneAll';
import EventRepeat from '@mui/icons-material/EventRepeat';
import History from '@mui/icons-material/History';
import Home from '@mui/icons-material/Home';
import Hub from '@mui/icons-material/Hub';
import Inventory2 from '@mui/icons-material/Inventory2';
import ManageAccounts from '@mui/icons-material/ManageAccounts';
import MarkunreadMailbox from '@mui/icons-material/MarkunreadMailbox';
import People from '@mui/icons-material/People';
import Place from '@mui/icons-material/Place';
import Queue from '@mui/icons-material/Queue';
import Receipt from '@mui/icons-material/Receipt';
import ReportProblem from '@mui/icons-material/ReportProblem';
import Schedule from '@mui/icons-material/Schedule';
import ShoppingCart from '@mui/icons-material/ShoppingCart';
import Sync from '@mui/icons-material/Sync';
import Task from '@mui/icons-material/Task';
import VpnKey from '@mui/icons-material/VpnKey';
import Waves from '@mui/icons-material/Waves';
import Webhook from '@mui/icons-material/Webhook';
import type { ComponentType } from 'react';

/** The picture of each entity in the menu. */
export const ICONS: Record<string, ComponentType> = {
  orders: ShoppingCart,
  tasks: Task,
  deliveries: Webhook,
  'task-results': AssignmentTurnedIn,
  products: Inventory2,
  'offer-refreshes': Sync,
  receipts: Receipt,
  places: Place,
  closings: EventRepeat,
  'receipts-set-aside': ReportProblem,
  mailings: Campaign,
  clients: Contacts,
  people: People,
  addresses: Home,
  'credit-cards': CreditCard,
  'profile-runs': Sync,
  'profiles-set-aside': ReportProblem,
  'dead-letters': MarkunreadMailbox,
  schedules: Schedule,
  queues: Queue,
  streams: Waves,
  neighbours: Hub,
  'bulk-actions': DoneAll,
  audit: History,
  users: ManageAccounts,
  'api-keys': VpnKey,
};
