/** `GET /v1/tenants/{tenant}/usage`: a tenant's usage by hour or day. */
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Access, Tenant } from '@meridian/http';
import type { Reader } from '@meridian/pipeline';
import { usageJson } from './answers';
import { groups, hourRange, only, unit, type Query as Given } from './parameters';
import { READER } from './parts';

@Controller('v1/tenants/:tenant/usage')
export class UsageController {
  constructor(@Inject(READER.symbol) private readonly reader: Reader) {}

  @Get()
  @Access(['read'])
  async usage(@Tenant() tenant: string, @Query() query: Given): Promise<object> {
    const given = only(query, ['from', 'to', 'by', 'group']);
    const by = unit(given.by);
    const group = groups(given.group);
    const { from, to } = hourRange(given.from, given.to, by);
    return usageJson({ tenant, from, to, by, group }, await this.reader.usage(tenant, from, to));
  }
}
