//! Who gets a seat, who gives way, and who is refused.

use std::task::Context;

use super::*;

fn seats(all: usize, held: usize, per_address: usize) -> Arc<Seats> {
    Seats::new(Capacity {
        all,
        held,
        per_address,
        accepted_per_worker: 4,
        refusing: 1,
    })
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn the_last_seats_are_not_held() {
    let seats = seats(4, 2, 9);
    let first = seats.take(true, None).ok().unwrap();
    let page = seats.take(false, None).ok().unwrap();
    page.hold(None).unwrap();
    assert_eq!(seats.take(true, None).err(), Some(Full::ForHeld));
    let short = seats.take(false, None).ok().unwrap();
    assert_eq!(short.hold(None), Err(Full::ForHeld));
    let _last = seats.take(false, None).ok().unwrap();
    assert_eq!(seats.take(false, None).err(), Some(Full::Everywhere));
    drop(first);
    short.hold(None).unwrap();
    drop((page, short));
    assert_eq!(seats.taken(), 1);
    assert_eq!(seats.counts().held, 0);
}

#[test]
fn an_address_has_its_share_and_may_change() {
    let seats = seats(99, 90, 2);
    let a = seats.take(true, address("1.1.1.1")).ok().unwrap();
    let _b = seats.take(true, address("::ffff:1.1.1.1")).ok().unwrap();
    let full = seats.take(true, address("1.1.1.1")).err();
    assert_eq!(full, Some(Full::ForAddress));
    let by_proxy = seats.take(true, None).ok().unwrap();
    assert_eq!(by_proxy.hold(address("1.1.1.1")), Err(Full::ForAddress));
    a.hold(address("2.2.2.2")).unwrap();
    by_proxy.hold(address("1.1.1.1")).unwrap();
    drop((a, by_proxy));
    assert_eq!(seats.counts().by_address.len(), 1);
    let _one = seats.take(true, address("2001:db8::1")).ok().unwrap();
    let _two = seats.take(true, address("2001:db8::2")).ok().unwrap();
    assert!(seats.take(true, address("2001:db8::3")).is_err());
    assert!(seats.take(true, address("2001:db8:0:1::1")).is_ok());
}

#[test]
fn idle_ones_give_way_and_busy_ones_do_not() {
    let seats = seats(3, 2, 9);
    let asked = seats.take_at(1, true, None).ok().unwrap();
    let silent = seats.take_at(2, false, None).ok().unwrap();
    let busy = seats.take_at(3, true, None).ok().unwrap();
    busy.request_begins();
    asked.has_asked.store(true, Ordering::Relaxed);
    assert_eq!(seats.take_at(4, false, None).err(), Some(Full::Everywhere));
    let later_us = 4 + IDLE_AFTER_US;
    let newcomer = seats.take_at(later_us, false, None).ok().unwrap();
    let context = Context::from_waker(std::task::Waker::noop());
    let gone = [&asked, &silent, &busy].map(|seat| seat.is_given_up(&context));
    // The one that asked before is silent for longer, and stays all the same.
    assert_eq!(gone, [false, true, false]);
    silent.request_begins();
    assert_eq!(silent.hold(None), Err(Full::Everywhere), "it came too late");
    drop(silent);
    assert_eq!(seats.taken(), 3);
    let held = seats.take_at(later_us, true, None).ok().unwrap();
    assert!(asked.is_given_up(&context));
    drop((held, asked, busy, newcomer));
    let counts = seats.counts();
    assert_eq!((counts.all, counts.held, counts.taken.len()), (0, 0, 0));
}

#[test]
fn telling_is_bounded_too() {
    let seats = seats(1, 1, 1);
    let (asking, before) = seats.refuse();
    assert!(asking.is_some() && before == 0);
    assert!(seats.refuse().0.is_none());
    drop(asking);
    assert!(seats.refuse().0.is_some());
    let lingers = seats.linger();
    assert!(lingers.is_some() && seats.linger().is_none());
    drop(lingers);
    assert!(seats.linger().is_some());
}

#[test]
fn who_is_not_held_gives_way_to_who_is_where_all_are_taken() {
    let seats = seats(2, 1, 9);
    let silent = [1, 2].map(|at| seats.take_at(at, false, None).ok().unwrap());
    let later_us = 3 + IDLE_AFTER_US;
    let stream = seats.take_at(later_us, true, None).ok().unwrap();
    let context = Context::from_waker(std::task::Waker::noop());
    assert!(silent[0].is_given_up(&context) && !silent[1].is_given_up(&context));
    silent[1].request_begins();
    // One who is held gives way to one that is to be.
    silent[1].hold_at(later_us + IDLE_AFTER_US, None).unwrap();
    assert!(stream.is_given_up(&context));
}

#[test]
fn who_still_takes_an_answer_does_not_give_way() {
    let seats = seats(1, 1, 9);
    let reading = seats.take_at(1, false, None).ok().unwrap();
    reading.set_behind(true);
    let later_us = 2 + IDLE_AFTER_US;
    let full = seats.take_at(later_us, false, None).err();
    assert_eq!(full, Some(Full::Everywhere));
    reading.set_behind(false);
    assert!(seats.take_at(later_us + LOOK_AGAIN_US, false, None).is_ok());
}

#[test]
fn there_are_fewer_seats_than_files() {
    for files in [256, 1_024, 4_096, 1 << 20] {
        let capacity = Capacity::within(files, 2, 50_000, 2_000);
        let at_most = capacity.held + 2 * capacity.accepted_per_worker + 2 * capacity.refusing;
        assert!(at_most + 60 < files as usize, "{files}: {capacity:?}");
        assert!(
            capacity.all < 2 * capacity.accepted_per_worker,
            "some are refused"
        );
        assert!(
            capacity.held < capacity.all && capacity.held > capacity.all / 2,
            "{capacity:?}"
        );
    }
    assert_eq!(Capacity::within(1 << 20, 2, 50_000, 2_000).all, 50_000);
}
