/**
 * Session timers: one per member and one per promised member id.
 *
 * Heartbeats are many and expiries few, so a heartbeat moves a deadline and the timer, when it
 * fires, sleeps on for what is left.
 */
import type { Clock } from '../ports/clock.ts'
import type { Group, Member, Session } from './members.ts'

/** A JoinGroup of somebody new ends after this; its sender cannot send heartbeats yet (Kafka's 5 min). */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000

export type Sessions = {
  /** Begins a member's session, or goes on with it for a whole session timeout. */
  renew(group: Group, member: Member): void
  renewForJoin(group: Group, member: Member): void
  end(member: Member): void
  promise(group: Group, memberId: string, sessionTimeoutMs: number): void
  /** The promised id was taken, given back or is forgotten with its group. */
  endPromise(group: Group, memberId: string): void
  endAll(group: Group): void
}

export type SessionEnds = {
  memberExpired(group: Group, member: Member): void
  promiseExpired(group: Group, memberId: string): void
}

export function sessionTimers(clock: Clock, ends: SessionEnds): Sessions {
  function begin(ms: number, expired: () => void): Session {
    const session: Session = {
      deadlineMs: clock.monotonic() + ms,
      timer: clock.setTimeout(fire, ms),
    }
    function fire() {
      const left = session.deadlineMs - clock.monotonic()
      if (left > 0) session.timer = clock.setTimeout(fire, left)
      else expired()
    }
    return session
  }

  function extend(group: Group, member: Member, ms: number) {
    const deadlineMs = clock.monotonic() + ms
    if (member.session !== null && member.session.deadlineMs <= deadlineMs) {
      member.session.deadlineMs = deadlineMs
      return
    }
    end(member)
    member.session = begin(ms, () => {
      member.session = null
      ends.memberExpired(group, member)
    })
  }

  function end(member: Member) {
    if (member.session !== null) clock.clearTimeout(member.session.timer)
    member.session = null
  }

  function endPromise(group: Group, memberId: string) {
    const session = group.promised.get(memberId)
    if (session !== undefined) clock.clearTimeout(session.timer)
    group.promised.delete(memberId)
  }

  return {
    renew: (group, member) => extend(group, member, member.sessionTimeoutMs),
    renewForJoin: (group, member) => extend(group, member, NEW_MEMBER_JOIN_TIMEOUT_MS),
    end,
    promise(group, memberId, sessionTimeoutMs) {
      const session = begin(sessionTimeoutMs, () => {
        group.promised.delete(memberId)
        ends.promiseExpired(group, memberId)
      })
      group.promised.set(memberId, session)
    },
    endPromise,
    endAll(group) {
      for (const member of group.members.values()) end(member)
      for (const memberId of group.promised.keys()) endPromise(group, memberId)
    },
  }
}
