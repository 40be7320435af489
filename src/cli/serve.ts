/** `visavis serve`: the server with the call page, until a signal ends it. */
import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { openDoorWarning } from '../signaling/access.ts';
import { runUntilSignalled } from './server-life.ts';

interface ServeFlags {
  port?: string;
  host?: string;
  openToEveryone?: boolean;
}

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('the server with the call page; prints the URL to open')
    .option('--port <n>', 'port to listen on; 0 picks a free one')
    .option('--host <address>', 'address to listen on; 0.0.0.0 for every network')
    .option('--open-to-everyone', 'lets whoever reaches the server call, upload and speak; wanted beyond this machine')
    .action(async (flags: ServeFlags) => {
      const config = structuredClone(loadConfig());
      if (flags.port !== undefined) config.server.port = portNumber(flags.port);
      if (flags.host !== undefined) config.server.host = flags.host;
      if (flags.openToEveryone) config.server.openToEveryone = true;
      const start = async () => {
        const { serve } = await import('../main.ts');
        const server = await serve(config);
        const warning = openDoorWarning(config);
        if (warning) console.error(`visavis: ${warning}`);
        return server;
      };
      await runUntilSignalled(start, config.shutdown.drainS * 1000);
    });
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new AppError('BAD_USAGE', `--port wants a whole number from 0 to 65535, not "${text}".`);
}
