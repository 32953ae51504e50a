/** Three voters in processes of their own, over a NATS server. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Asked, Told } from './child.ts'
import type { LoadPlan } from './load.ts'
import type { PerfQuorum } from './quorum.ts'

/** The hidden subcommand of `samsa` that each of them runs. */
export const voterCommand = 'raft-perf-voter'

const answerTimeoutMs = 10_000

export async function startInProcesses(files: string[], plan: LoadPlan): Promise<PerfQuorum> {
  const children = files.map((file) =>
    fork(process.argv[1]!, [voterCommand, file, JSON.stringify(plan)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  )
  let closing = false
  const failed = new Promise<Error>((resolve) => {
    for (const child of children) {
      child.on('exit', (code) => {
        if (!closing) resolve(new Error(`a voter ended by itself, with code ${code}`))
      })
    }
  })
  const askAll = (what: Asked['what']) => Promise.all(children.map((child) => ask(child, what)))
  return {
    pids: children.map(({ pid }) => pid!),
    failed,
    async begin() {
      await askAll('begin')
    },
    async figures() {
      const told = await askAll('figures')
      const figures = told.find((one) => one.figures !== undefined)?.figures
      const cpuSeconds = told.reduce((sum, one) => sum + one.cpuSeconds, 0)
      return figures && { ...figures, cpuSeconds }
    },
    async close() {
      closing = true
      const running = children.filter(
        ({ exitCode, signalCode }) => (exitCode ?? signalCode) === null,
      )
      const ended = running.map((child) => once(child, 'exit'))
      for (const child of running) child.kill('SIGKILL')
      await Promise.all(ended)
    },
  }
}

let asked = 0

function ask(child: ChildProcess, what: Asked['what']): Promise<Told> {
  const id = ++asked
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.off('message', hear)
      reject(new Error(`voter ${child.pid} did not answer within ${answerTimeoutMs} ms`))
    }, answerTimeoutMs)
    const hear = (told: Told) => {
      if (told.id !== id) return
      clearTimeout(timer)
      child.off('message', hear)
      resolve(told)
    }
    child.on('message', hear)
    if (child.connected) child.send({ id, what } satisfies Asked)
  })
}
