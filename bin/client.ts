import { writeClient } from '../lib/client-package';

void writeClient();
