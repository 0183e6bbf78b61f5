/**
 * All sockets of one client, so that they can be cut at once: kafkajs itself would wait for the answers that are due. Once
 * one was lost none is opened any more: kafkajs would connect again by itself and ask whoever answers there, where a new
 * link first looks whether it is the cluster that was opened.
 */
import { EventLogError } from '@meridian/event-log';
import type { ISocketFactory } from 'kafkajs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket, type ConnectionOptions } from 'node:tls';
import type { KafkaConnectionOptions } from './options';

const KEEP_ALIVE_MS = 60_000;

export class Sockets {
  private readonly sockets = new Set<Socket>();
  private isClosed = false;
  private isLost = false;

  constructor(private readonly options: Pick<KafkaConnectionOptions, 'connect'>) {}

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.isClosed) throw new EventLogError('log_closed', 'the connection was closed');
    if (this.isLost) throw new EventLogError('log_unavailable', 'a connection was lost');
    const socket = this.options.connect?.(host, port) ?? open(host, port, ssl);
    let isConnected = false;
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      isConnected = true;
      onConnect();
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // Requests are written whole: to wait for more that fills a packet only delays the second send in flight.
    socket.setNoDelay(true);
    socket.once('close', () => {
      this.isLost ||= isConnected;
      this.sockets.delete(socket);
    });
    this.sockets.add(socket);
    return socket;
  };

  /** Whoever waits for an answer is refused. Once it has resolved, the next request connects again, to whomever. */
  async cut(): Promise<void> {
    await Promise.all([...this.sockets].map((socket) => new Promise((resolve) => {
      socket.once('close', resolve);
      socket.destroy(new EventLogError('log_unavailable', 'the connection was cut'));
    })));
    this.isLost = false;
  }

  /** Cuts, and lets nothing be opened any more. */
  close(): void {
    this.isClosed = true;
    void this.cut();
  }
}

/** kafkajs hands `ssl` through as it is configured, and null when it is not. */
function open(host: string, port: number, ssl: boolean | ConnectionOptions | null): Socket {
  if (ssl === null || ssl === false) return connect({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ssl === true ? {} : ssl) });
}
