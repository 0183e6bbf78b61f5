/** `/v1/jobs`: work that ops asks for. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { Access, CallerOf, HttpError, PLATFORM_TENANT, tenantOf, type Caller, type FastifyReply, type JsonBody } from '@meridian/http';
import { PipelineError, type Jobs } from '@meridian/pipeline';
import { jobJson, readJobRequest } from './job-request';
import { JOBS } from './parts';

@Controller('v1/jobs')
export class JobsController {
  constructor(@Inject(JOBS.symbol) private readonly jobs: Jobs) {}

  @Post()
  @HttpCode(202)
  @Access(['ops'])
  async submit(@CallerOf() caller: Caller, @Body() body: JsonBody | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    if (!body) throw new HttpError('body_missing', 'there is no body: send the job as application/json');
    const request = readJobRequest(body.value);
    tenantOf(caller, { body: { tenant: request.scope.tenant, pointer: '/scope/tenant' } });
    const job = await this.jobs.submit(request);
    void reply.header('location', `/v1/jobs/${job.id}`);
    return jobJson(job);
  }

  @Get(':id')
  @Access(['ops'])
  async get(@CallerOf() caller: Caller, @Param('id') id: string): Promise<object> {
    const job = await this.jobs.get(id);
    // A job of another tenant is as good as none.
    if (caller.tenant !== PLATFORM_TENANT && caller.tenant !== job.scope.tenant) throw new PipelineError('unknown_job', `there is no job ${id}`);
    return jobJson(job);
  }
}
