/** `/v1/logs`: the registry of logs, and what an operator of the platform does to them. */
import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { Access, CallerOf, formatTime, HttpError, PLATFORM_TENANT, type Caller, type JsonBody } from '@meridian/http';
import { lastSegment } from '@meridian/accounting';
import { listLogs, newestCut, renewRegion, retireRegion, takeOverRegion } from '@meridian/pipeline';
import { OPERATOR, type OperatorParts } from './parts';
import { readBody } from './request-body';
import { lineageSchema, retirementSchema, takeoverSchema } from './schema';

@Controller('v1/logs')
export class LogsController {
  constructor(@Inject(OPERATOR.symbol) private readonly parts: OperatorParts) {}

  @Get()
  @Access(['read', 'ops'])
  async list(): Promise<object> {
    const logs = await listLogs(this.parts.control);
    const writers = new Map((await newestCut(this.parts.control)).logs.map((log) => [log.log, lastSegment(log).writer]));
    return {
      logs: logs.map(({ log, region, cluster, topic, retired }) => ({
        log, region, cluster, topic, writer: writers.get(log) ?? region,
        retired: retired ? { offset: retired.offset, by: retired.by, reason: retired.reason, at: formatTime(retired.retiredAt) } : null,
      })),
    };
  }

  @Post('takeover')
  @HttpCode(200)
  @Access(['ops'])
  async takeOver(@CallerOf() caller: Caller, @Body() body: JsonBody | undefined): Promise<object> {
    assertPlatform(caller);
    const { region, writer } = readBody(takeoverSchema, given(body));
    return { logs: await takeOverRegion(this.parts, region, writer) };
  }

  @Post('retire')
  @HttpCode(200)
  @Access(['ops'])
  async retire(@CallerOf() caller: Caller, @Body() body: JsonBody | undefined): Promise<object> {
    assertPlatform(caller);
    const { region, lineage, reason } = readBody(retirementSchema, given(body));
    const { clock } = this.parts;
    const request = { region, reason, by: caller.keyId, clock, ...(lineage !== undefined && { lineage }) } as const;
    return { logs: (await retireRegion(this.parts, request)).map(({ log, offset }) => ({ log, offset })) };
  }

  @Post('new-lineage')
  @HttpCode(200)
  @Access(['ops'])
  async renew(@CallerOf() caller: Caller, @Body() body: JsonBody | undefined): Promise<object> {
    assertPlatform(caller);
    const { region, reason } = readBody(lineageSchema, given(body));
    const { offsets } = await renewRegion(this.parts, { region, reason, by: caller.keyId, clock: this.parts.clock });
    return { logs: Object.entries(offsets).map(([log, offset]) => ({ log, offset })) };
  }
}

/** Logs hold the records of all tenants. */
function assertPlatform({ tenant }: Caller): void {
  if (tenant !== PLATFORM_TENANT) throw new HttpError('tenant_forbidden', 'logs hold the records of all tenants: use a key of the platform');
}

function given(body: JsonBody | undefined): unknown {
  if (!body) throw new HttpError('body_missing', 'there is no body: send the request as application/json');
  return body.value;
}
