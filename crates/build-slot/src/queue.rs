//! Who builds and who waits. Pure: times are given, and who is granted a slot is returned.
//!
//! Not for waiting or for resolving awakeables (see `turn`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A build that has a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) deployment: String,
    pub(crate) invocation: String,
    pub(crate) app: String,
    /// Epoch milliseconds.
    pub(crate) since: i64,
}

/// A build that waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiter {
    pub(crate) deployment: String,
    pub(crate) invocation: String,
    pub(crate) app: String,
    pub(crate) awakeable: String,
    pub(crate) production: bool,
    /// Epoch milliseconds.
    pub(crate) since: i64,
}

/// What lets a queue move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Builds at a time, at least one.
    pub(crate) limit: usize,
    /// A build that has waited this long (ms) no longer lets production go before it.
    pub(crate) patience: i64,
    /// A slot held this long (ms) is taken back whatever its holder does.
    pub(crate) longest: i64,
    /// An invocation this young (ms) may not be visible in Restate's tables yet.
    pub(crate) settle: i64,
}

/// All builds of one workspace, in the order in which they asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) active: Vec<Holder>,
    pub(crate) waiting: Vec<Waiter>,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.waiting.is_empty()
    }

    /// Invocations whose life decides about a place in the queue.
    pub(crate) fn invocations(&self) -> Vec<String> {
        let active = self.active.iter().map(|h| &h.invocation);
        let waiting = self.waiting.iter().map(|w| &w.invocation);
        active.chain(waiting).cloned().collect()
    }

    /// Asks for a slot. A deployment has one place: who asks again keeps it, with the newer awakeable. The awakeables of
    /// those who are granted one now are returned.
    pub(crate) fn ask(&mut self, new: Waiter, now: i64, rules: Rules) -> Vec<String> {
        if let Some(holder) = self
            .active
            .iter_mut()
            .find(|h| h.deployment == new.deployment)
        {
            holder.invocation = new.invocation;
            return vec![new.awakeable];
        }
        match self
            .waiting
            .iter_mut()
            .find(|w| w.deployment == new.deployment)
        {
            Some(waiter) => {
                let since = waiter.since;
                *waiter = Waiter { since, ..new };
            }
            None => self.waiting.push(new),
        }
        self.grant(now, rules)
    }

    /// Gives a slot or a place in the queue back; who comes next is returned.
    pub(crate) fn give_back(&mut self, deployment: &str, now: i64, rules: Rules) -> Vec<String> {
        self.active.retain(|h| h.deployment != deployment);
        self.waiting.retain(|w| w.deployment != deployment);
        self.grant(now, rules)
    }

    /// Drops whoever is gone. `alive`: status of the invocations that Restate knows; nothing when it could not be asked,
    /// and then only slots held for too long are taken back.
    pub(crate) fn audit(
        &mut self,
        alive: Option<&BTreeMap<String, String>>,
        now: i64,
        rules: Rules,
    ) -> Vec<String> {
        let gone = |invocation: &str, since: i64| {
            now - since >= rules.settle
                && alive.is_some_and(|known| {
                    known
                        .get(invocation)
                        .is_none_or(|status| status == "completed")
                })
        };
        self.active
            .retain(|h| !gone(&h.invocation, h.since) && now - h.since < rules.longest);
        self.waiting.retain(|w| !gone(&w.invocation, w.since));
        self.grant(now, rules)
    }

    fn grant(&mut self, now: i64, rules: Rules) -> Vec<String> {
        let mut granted = Vec::new();
        while self.active.len() < rules.limit.max(1) {
            let Some(next) = self.next(now, rules) else {
                break;
            };
            let next = self.waiting.remove(next);
            self.active.push(Holder {
                deployment: next.deployment,
                invocation: next.invocation,
                app: next.app,
                since: now,
            });
            granted.push(next.awakeable);
        }
        granted
    }

    /// Production, and whoever has waited long enough, before the others; then the app that builds least; then who asked
    /// first.
    fn next(&self, now: i64, rules: Rules) -> Option<usize> {
        let rank = |w: &Waiter| {
            let later = !w.production && now - w.since < rules.patience;
            let builds = self.active.iter().filter(|h| h.app == w.app).count();
            (later, builds, w.since)
        };
        let waiting = self.waiting.iter().enumerate();
        waiting.min_by_key(|(_, w)| rank(w)).map(|(i, _)| i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        limit: 2,
        patience: 1_000,
        longest: 100_000,
        settle: 10,
    };

    fn waiter(id: u32, app: u32, production: bool, since: i64) -> Waiter {
        Waiter {
            deployment: format!("d_{id}"),
            invocation: format!("inv_{id}"),
            app: format!("app_{app}"),
            awakeable: format!("prom_{id}"),
            production,
            since,
        }
    }

    fn names(queue: &Queue) -> Vec<&str> {
        queue.active.iter().map(|h| h.deployment.as_str()).collect()
    }

    #[test]
    fn production_goes_first_but_not_for_ever() {
        let rules = Rules { limit: 1, ..RULES };
        let mut queue = Queue::default();
        assert_eq!(queue.ask(waiter(1, 1, false, 0), 0, rules), ["prom_1"]);
        assert!(queue.ask(waiter(2, 2, false, 1), 1, rules).is_empty());
        assert!(queue.ask(waiter(3, 3, true, 2), 2, rules).is_empty());
        assert_eq!(queue.give_back("d_1", 3, rules), ["prom_3"]);
        assert!(queue.ask(waiter(4, 4, true, 500), 500, rules).is_empty());
        assert_eq!(
            queue.give_back("d_3", 1_001, rules),
            ["prom_2"],
            "it has waited long enough"
        );
        assert_eq!(queue.give_back("d_2", 1_002, rules), ["prom_4"]);
    }

    #[test]
    fn an_app_with_many_pushes_does_not_keep_the_others_out() {
        let mut queue = Queue::default();
        for id in 0..4 {
            queue.ask(waiter(id, 1, false, i64::from(id)), 4, RULES);
        }
        queue.ask(waiter(9, 2, false, 5), 5, RULES);
        assert_eq!(names(&queue), ["d_0", "d_1"]);
        queue.give_back("d_0", 6, RULES);
        assert_eq!(names(&queue), ["d_1", "d_9"]);
    }

    #[test]
    fn who_asks_again_keeps_the_place_and_is_told_at_the_new_address() {
        let mut queue = Queue::default();
        queue.ask(waiter(1, 1, false, 0), 0, RULES);
        let again = Waiter {
            awakeable: "prom_new".into(),
            invocation: "inv_new".into(),
            ..waiter(1, 1, false, 9)
        };
        assert_eq!(queue.ask(again.clone(), 9, RULES), ["prom_new"]);
        assert_eq!(queue.active[0].invocation, "inv_new");
        queue.ask(waiter(2, 1, false, 10), 10, RULES);
        queue.ask(waiter(3, 1, false, 11), 11, RULES);
        queue.ask(waiter(4, 1, false, 12), 12, RULES);
        let again = Waiter {
            awakeable: "prom_3_new".into(),
            ..waiter(3, 1, false, 99)
        };
        assert!(queue.ask(again, 99, RULES).is_empty());
        assert_eq!(queue.give_back("d_1", 100, RULES), ["prom_3_new"]);
    }

    #[test]
    fn an_audit_frees_what_is_gone_and_only_that() {
        let known = |ids: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = ids.iter().map(|(i, s)| ((*i).to_owned(), (*s).to_owned()));
            pairs.collect()
        };
        let mut queue = Queue::default();
        for id in 1..=4 {
            queue.ask(waiter(id, id, false, 0), 0, RULES);
        }
        let before = queue.clone();
        assert!(queue.audit(None, 50, RULES).is_empty());
        assert_eq!(queue, before, "Restate could not be asked");
        assert!(queue.audit(Some(&known(&[])), 5, RULES).is_empty());
        assert_eq!(queue, before, "too young to be visible");
        let alive = known(&[
            ("inv_1", "suspended"),
            ("inv_2", "completed"),
            ("inv_4", "paused"),
        ]);
        assert_eq!(queue.audit(Some(&alive), 50, RULES), ["prom_4"]);
        assert_eq!(names(&queue), ["d_1", "d_4"]);
        assert!(queue.waiting.is_empty(), "d_3 is gone");
        assert!(queue.audit(None, 100_000, RULES).is_empty());
        assert_eq!(names(&queue), ["d_4"], "d_1 held its slot for too long");
    }

    #[derive(Debug, Clone)]
    enum Op {
        Ask(u32, u32, bool),
        GiveBack(u32),
        Audit(Vec<u32>),
    }

    fn op() -> impl Strategy<Value = Op> {
        let audit = proptest::collection::vec(0..12u32, 0..12).prop_map(Op::Audit);
        prop_oneof![
            4 => (0..12u32, 0..3u32, any::<bool>()).prop_map(|(d, a, p)| Op::Ask(d, a, p)),
            3 => (0..12u32).prop_map(Op::GiveBack),
            1 => audit,
        ]
    }

    proptest! {
        #[test]
        fn never_too_many_never_idle_and_one_place_each(ops in proptest::collection::vec(op(), 1..80), limit in 1usize..5) {
            let rules = Rules { limit, ..RULES };
            let mut queue = Queue::default();
            for (now, op) in ops.into_iter().enumerate() {
                let now = i64::try_from(now).unwrap_or(0) * 7;
                match op {
                    Op::Ask(d, a, p) => { queue.ask(waiter(d, a, p, now), now, rules); }
                    Op::GiveBack(d) => {
                        queue.give_back(&format!("d_{d}"), now, rules);
                    }
                    Op::Audit(alive) => {
                        let known = alive.into_iter().map(|d| (format!("inv_{d}"), "running".to_owned())).collect();
                        queue.audit(Some(&known), now, rules);
                    }
                }
                prop_assert!(queue.active.len() <= limit);
                prop_assert!(queue.waiting.is_empty() || queue.active.len() == limit, "a slot is idle while {queue:?}");
                let mut places: Vec<_> = queue.active.iter().map(|h| &h.deployment).chain(queue.waiting.iter().map(|w| &w.deployment)).collect();
                places.sort();
                let all = places.len();
                places.dedup();
                prop_assert_eq!(places.len(), all);
            }
            let held: Vec<_> = queue.active.iter().map(|h| h.deployment.clone()).chain(queue.waiting.iter().map(|w| w.deployment.clone())).collect();
            for deployment in held {
                queue.give_back(&deployment, 10_000, rules);
            }
            prop_assert!(queue.is_empty());
        }
    }
}
