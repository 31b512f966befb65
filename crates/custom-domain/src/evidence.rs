//! What one look at the DNS proves, and what follows from it. Pure; the evidence is journaled.

use serde::{Deserialize, Serialize};

/// What was seen of one domain. `true` means that enough DNS servers said so; whatever is unknown is not proof.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// The name's own CNAME leads to the row's target.
    pub(crate) cname: bool,
    /// The TXT value is there, says the quorum.
    pub(crate) txt: bool,
    /// The TXT value is there, says every DNS server asked.
    pub(crate) txt_by_all: bool,
    /// The name is the registrable domain itself, which cannot have a CNAME.
    pub(crate) apex: bool,
    /// The name has an address.
    pub(crate) address: bool,
    /// For the customer, while it is not proven: what was seen and what is wanted.
    pub(crate) saw: String,
    /// For the customer, when it is proven: what will still not work.
    pub(crate) hint: String,
}

impl Evidence {
    /// Whether it suffices; `contested`: somebody else holds the name.
    pub(crate) fn proves(&self, contested: bool) -> bool {
        let by_text = if contested { self.txt_by_all } else { self.txt };
        let routable = self.cname || !self.apex || self.address;
        if contested {
            by_text && routable
        } else {
            self.cname || (by_text && routable)
        }
    }

    /// `ownership_verified` and `cname_verified` of the row. The first also says that the TXT value was not needed.
    pub(crate) fn flags(&self, contested: bool) -> (bool, bool) {
        let owned = if contested {
            self.txt_by_all
        } else {
            self.cname || self.txt
        };
        (owned, self.cname)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(cname: bool, txt: bool) -> Evidence {
        Evidence {
            cname,
            txt,
            txt_by_all: txt,
            ..Evidence::default()
        }
    }

    /// The table of the contract: CNAME, held by another workspace, TXT → flags, verified.
    #[test]
    fn the_truth_table() {
        for (cname, contested, txt, flags, verified) in [
            (true, false, false, (true, true), true),
            (true, true, true, (true, true), true),
            (true, true, false, (false, true), false),
            (false, false, true, (true, false), true),
            (false, false, false, (false, false), false),
            // beyond the existing worker: without a CNAME contention counts as well
            (false, true, true, (true, false), true),
            (false, true, false, (false, false), false),
        ] {
            let evidence = seen(cname, txt);
            let row = (cname, contested, txt);
            assert_eq!(evidence.flags(contested), flags, "{row:?}");
            assert_eq!(evidence.proves(contested), verified, "{row:?}");
        }
    }

    #[test]
    fn a_takeover_needs_every_server() {
        let quorum = Evidence {
            cname: true,
            txt: true,
            ..Evidence::default()
        };
        assert!(quorum.proves(false) && !quorum.proves(true));
        assert_eq!(quorum.flags(true), (false, true));
    }

    #[test]
    fn an_apex_needs_an_address_beside_its_text() {
        let apex = |address| Evidence {
            apex: true,
            address,
            ..seen(false, true)
        };
        assert!(!apex(false).proves(false) && !apex(false).proves(true));
        assert!(apex(true).proves(false) && apex(true).proves(true));
        let aliased = Evidence {
            apex: true,
            ..seen(true, false)
        };
        assert!(aliased.proves(false), "some providers allow it");
    }

    fn evidence() -> impl Strategy<Value = Evidence> {
        any::<(bool, bool, bool, bool, bool)>().prop_map(|(cname, txt, all, apex, address)| {
            Evidence {
                cname,
                txt: txt || all,
                txt_by_all: all,
                apex,
                address,
                ..Evidence::default()
            }
        })
    }

    proptest! {
        /// Nobody takes a held name without the text, and what suffices for a takeover suffices without one.
        #[test]
        fn no_takeover_without_the_text(evidence in evidence()) {
            prop_assert!(!evidence.proves(true) || evidence.txt_by_all);
            prop_assert!(!evidence.proves(true) || evidence.proves(false));
            prop_assert!(!evidence.proves(false) || evidence.cname || evidence.txt);
        }
    }
}
