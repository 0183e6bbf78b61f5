/** `GET /v1/coverage`: where every log stands, as this region sees it. */
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Access } from '@meridian/http';
import type { Reader } from '@meridian/pipeline';
import { coverageJson } from './answers';
import { only, type Query as Given } from './parameters';
import { READER } from './parts';

@Controller('v1/coverage')
export class CoverageController {
  constructor(@Inject(READER.symbol) private readonly reader: Reader) {}

  @Get()
  @Access(['read', 'ops'])
  async coverage(@Query() query: Given): Promise<object> {
    only(query, []);
    return coverageJson(await this.reader.coverage());
  }
}
