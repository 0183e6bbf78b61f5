/** Loaded into a process that `idle.ts` measures: answers what CPU it has used. An open channel costs nothing. */
import process from 'node:process';

process.on('message', () => process.send?.(process.cpuUsage()));
process.channel?.unref();
