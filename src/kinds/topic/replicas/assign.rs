//! Which broker gets a replica, and which one gives one away. Pure: the same brokers and partitions give the same answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A broker that holds replicas, or may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its rack, where it has one; without one it counts as a rack of its own.
    pub(super) rack: Option<String>,
    /// Whether the cluster lists it: only then it gets replicas.
    pub(super) is_alive: bool,
    /// How many replicas of all topics it holds.
    pub(super) held: usize,
}

/// Brokers by id.
pub(super) type Holders = BTreeMap<i32, Holder>;

/// One partition as it is, or as it will be when its reassignment is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Its index.
    pub(super) index: i32,
    /// Who leads it.
    pub(super) leader: Option<i32>,
    /// Who holds it, the preferred leader first.
    pub(super) replicas: Vec<i32>,
    /// Who of them has all of it.
    pub(super) in_sync: Vec<i32>,
}

/// The new replicas of those partitions that have another number of them, or none where the brokers are too few.
///
/// What is there stays. A new replica goes to the live broker whose rack has the fewest of the partition's, then to the one
/// that holds the least. What goes is first what is not in sync, then what shares its rack, then what the fullest broker
/// holds; the preferred leader and the one that leads go last. The load counts on from partition to partition.
pub(super) fn assign(
    holders: &mut Holders,
    partitions: &[Layout],
    factor: usize,
) -> Option<Vec<(i32, Vec<i32>)>> {
    let others = partitions
        .iter()
        .filter(|it| it.replicas.len() != factor.max(1));
    others
        .map(|partition| Some((partition.index, moved(holders, partition, factor.max(1))?)))
        .collect()
}

fn moved(holders: &mut Holders, partition: &Layout, factor: usize) -> Option<Vec<i32>> {
    let mut replicas = partition.replicas.clone();
    while replicas.len() < factor {
        let next = next(holders, &replicas)?;
        holders.entry(next).or_default().held += 1;
        replicas.push(next);
    }
    while replicas.len() > factor {
        let goes = first_to_go(holders, partition, &replicas)?;
        let holder = holders.entry(goes).or_default();
        holder.held = holder.held.saturating_sub(1);
        replicas.retain(|id| *id != goes);
    }
    Some(replicas)
}

fn next(holders: &Holders, replicas: &[i32]) -> Option<i32> {
    let free = holders
        .iter()
        .filter(|(id, holder)| holder.is_alive && !replicas.contains(id));
    free.min_by_key(|(id, holder)| (beside(holders, replicas, **id), holder.held, **id))
        .map(|(id, _)| *id)
}

fn first_to_go(holders: &Holders, partition: &Layout, replicas: &[i32]) -> Option<i32> {
    let preferred = partition.replicas.first();
    let weight = |id: &&i32| {
        let is_whole = partition.in_sync.contains(id) && is_alive(holders, **id);
        let leads = (partition.leader == Some(**id), preferred == Some(*id));
        let held = holders.get(*id).map_or(0, |holder| holder.held);
        let crowded = Reverse(beside(holders, replicas, **id));
        (
            is_whole,
            leads.1,
            leads.0,
            crowded,
            Reverse(held),
            Reverse(**id),
        )
    };
    replicas.iter().min_by_key(weight).copied()
}

fn is_alive(holders: &Holders, id: i32) -> bool {
    holders.get(&id).is_some_and(|holder| holder.is_alive)
}

/// How many of these replicas, but for its own, are in the rack of this broker.
fn beside(holders: &Holders, replicas: &[i32], id: i32) -> usize {
    let rack = |id: &i32| holders.get(id)?.rack.as_ref();
    let Some(own) = rack(&id) else { return 0 };
    let others = replicas.iter().filter(|other| **other != id);
    others.filter(|other| rack(other) == Some(own)).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn holders(racks: &[Option<&str>]) -> Holders {
        let holder = |(id, rack): (i32, &Option<&str>)| {
            let rack = rack.map(str::to_owned);
            (
                id,
                Holder {
                    rack,
                    is_alive: true,
                    held: 0,
                },
            )
        };
        (1..).zip(racks).map(holder).collect()
    }

    fn layout(index: i32, replicas: &[i32]) -> Layout {
        Layout {
            index,
            leader: replicas.first().copied(),
            replicas: replicas.to_vec(),
            in_sync: replicas.to_vec(),
        }
    }

    fn of(holders: &Holders, partitions: &[Layout], factor: usize) -> Vec<Vec<i32>> {
        let assigned = assign(&mut holders.clone(), partitions, factor).unwrap();
        assigned.into_iter().map(|(_, replicas)| replicas).collect()
    }

    #[test]
    fn a_new_replica_goes_to_another_rack_and_then_to_the_least_loaded() {
        let mut racks = holders(&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c")]);
        racks.get_mut(&3).unwrap().held = 9;
        assert_eq!(of(&racks, &[layout(0, &[1])], 3), [[1, 4, 5]]);
        racks.get_mut(&5).unwrap().is_alive = false;
        assert_eq!(of(&racks, &[layout(0, &[1])], 3), [[1, 4, 2]]);
    }

    #[test]
    fn the_load_counts_on_from_partition_to_partition() {
        let plain = holders(&[None; 3]);
        let partitions = [layout(0, &[1]), layout(1, &[1])];
        assert_eq!(of(&plain, &partitions, 2), [[1, 2], [1, 3]]);
    }

    #[test]
    fn what_is_behind_goes_first_then_what_shares_a_rack_and_the_leader_last() {
        let racks = holders(&[Some("a"), Some("a"), Some("b")]);
        assert_eq!(of(&racks, &[layout(0, &[1, 2, 3])], 2), [[1, 3]]);
        let mut behind = layout(0, &[1, 2, 3]);
        behind.in_sync = vec![1, 2];
        assert_eq!(of(&racks, &[behind.clone()], 2), [[1, 2]]);
        // the preferred leader is behind: the one that leads is whole, and stays
        (behind.leader, behind.in_sync) = (Some(2), vec![2, 3]);
        assert_eq!(of(&racks, &[behind], 1), [[2]]);
    }

    #[test]
    fn too_few_brokers_are_no_assignment() {
        let three = &mut holders(&[None; 3]);
        assert_eq!(assign(three, &[layout(0, &[1])], 4), None);
        assert_eq!(assign(three, &[layout(0, &[1, 2])], 2), Some(Vec::new()));
    }

    fn anything() -> impl Strategy<Value = (Holders, Vec<Layout>, usize)> {
        let holder = (prop::option::of(0..3_u8), any::<bool>(), 0..9_usize).prop_map(|it| Holder {
            rack: it.0.map(|rack| rack.to_string()),
            is_alive: it.1,
            held: it.2,
        });
        let brokers = prop::collection::vec(holder, 1..7);
        let partition = (
            prop::collection::vec(0..7_i32, 1..5),
            any::<u8>(),
            any::<prop::sample::Index>(),
        );
        let partitions = prop::collection::vec(partition, 1..5);
        (brokers, partitions, 1..6_usize).prop_map(|(brokers, partitions, factor)| {
            let layout =
                |(index, (ids, mask, leader)): (i32, (Vec<i32>, u8, prop::sample::Index))| {
                    let replicas: Vec<i32> = ids
                        .into_iter()
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .rev()
                        .collect();
                    let in_sync: Vec<i32> = replicas
                        .iter()
                        .copied()
                        .filter(|id| mask >> id & 1 == 1)
                        .collect();
                    let leader =
                        (!in_sync.is_empty()).then(|| in_sync[leader.index(in_sync.len())]);
                    Layout {
                        index,
                        leader,
                        replicas,
                        in_sync,
                    }
                };
            let partitions = (0..).zip(partitions).map(layout).collect();
            ((0..).zip(brokers).collect(), partitions, factor)
        })
    }

    proptest! {
        #[test]
        fn what_is_there_stays_and_the_rest_is_alive_and_distinct((holders, partitions, factor) in anything()) {
            let Some(assigned) = assign(&mut holders.clone(), &partitions, factor) else { return Ok(()) };
            let again = assign(&mut holders.clone(), &partitions, factor);
            prop_assert_eq!(again.as_ref(), Some(&assigned));
            for (index, replicas) in &assigned {
                let before = &partitions[*index as usize];
                prop_assert_eq!(replicas.len(), factor);
                prop_assert_eq!(replicas.iter().collect::<BTreeSet<_>>().len(), factor);
                let (kept, new): (Vec<i32>, Vec<i32>) = replicas.iter().partition(|id| before.replicas.contains(id));
                let mut order = before.replicas.clone();
                order.retain(|id| kept.contains(id));
                prop_assert_eq!(&kept, &order);
                prop_assert!(kept.is_empty() || before.replicas.len() <= factor || new.is_empty());
                prop_assert!(new.iter().all(|id| holders[id].is_alive));
                if before.replicas.len() < factor {
                    prop_assert_eq!(&kept, &before.replicas);
                }
            }
        }

        #[test]
        fn a_whole_replica_is_left_and_the_leader_where_it_can((holders, partitions, factor) in anything()) {
            let Some(assigned) = assign(&mut holders.clone(), &partitions, factor) else { return Ok(()) };
            for (index, replicas) in &assigned {
                let before = &partitions[*index as usize];
                let is_whole = |id: &&i32| before.in_sync.contains(id) && is_alive(&holders, **id);
                let whole = before.replicas.iter().filter(is_whole).count();
                prop_assert_eq!(replicas.iter().filter(is_whole).count(), whole.min(factor));
                if let Some(leader) = before.leader.as_ref().filter(is_whole).filter(|_| factor > 1) {
                    prop_assert!(replicas.contains(leader));
                }
            }
        }

        #[test]
        fn no_rack_is_used_twice_while_another_is_free((holders, partitions, factor) in anything()) {
            let Some(assigned) = assign(&mut holders.clone(), &partitions, factor) else { return Ok(()) };
            for (index, replicas) in &assigned {
                let before = &partitions[*index as usize].replicas;
                for at in before.len()..replicas.len() {
                    let so_far = &replicas[..at];
                    let free = holders.iter().filter(|(id, it)| it.is_alive && !so_far.contains(id));
                    let least = free.map(|(id, _)| beside(&holders, so_far, *id)).min();
                    prop_assert_eq!(Some(beside(&holders, so_far, replicas[at])), least);
                }
            }
        }
    }
}
