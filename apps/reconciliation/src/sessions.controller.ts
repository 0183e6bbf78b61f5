/** `/v1/tenants/{tenant}/sessions`: totals of sessions, and why they are what they are. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { Clock } from '@meridian/accounting';
import { Access, HttpError, Tenant } from '@meridian/http';
import type { Reader } from '@meridian/pipeline';
import { explainJson, sessionJson, sessionListJson } from './answers';
import { flag, limit, only, period, readCursor, sessionName, writeCursor, type Query as Given } from './parameters';
import { CLOCK, READER } from './parts';

const PAGE = { max: 1_000, fallback: 100 };

@Controller('v1/tenants/:tenant/sessions')
export class SessionsController {
  constructor(
    @Inject(READER.symbol) private readonly reader: Reader,
    @Inject(CLOCK.symbol) private readonly clock: Clock,
  ) {}

  @Get()
  @Access(['read'])
  async list(@Tenant() tenant: string, @Query() query: Given): Promise<object> {
    const given = only(query, ['period', 'limit', 'cursor']);
    const month = period(given.period, this.clock.now());
    const list = `${tenant}/${month}`;
    const answer = await this.reader.sessions(tenant, month, readCursor(list, given.cursor), limit(given.limit, PAGE));
    return sessionListJson(tenant, month, answer, answer.next ? writeCursor(list, answer.next) : null);
  }

  @Get(':session')
  @Access(['read'])
  async one(@Tenant() tenant: string, @Param('session') session: string, @Query() query: Given): Promise<object> {
    const name = sessionName(session);
    const answer = await this.reader.session(tenant, name, { live: flag('live', only(query, ['live']).live) });
    if (!answer) throw unknown();
    return sessionJson(tenant, name, answer);
  }

  @Get(':session/explain')
  @Access(['read'])
  async explain(@Tenant() tenant: string, @Param('session') session: string, @Query() query: Given): Promise<object> {
    only(query, []);
    const name = sessionName(session);
    const answer = await this.reader.explain(tenant, name);
    if (answer.standings.length === 0) throw unknown();
    return explainJson(tenant, name, answer);
  }
}

function unknown(): HttpError {
  return new HttpError('not_found', 'no entry of this session lies in the newest cut resolved in this region: it may be newer than that (see /v1/coverage), or its name is another');
}
