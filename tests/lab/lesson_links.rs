//! Whatever a lesson or a plan leads to is there: pages that it names, and links in its texts.

use std::collections::BTreeSet;

use pushlab::lessons::{markup, own::LESSONS, plans::PLANS, step::Kind};

use crate::support::{spawn_lab, test_config};

/// Addresses of this lab in a piece of HTML.
fn links(html: &str) -> impl Iterator<Item = String> {
    let targets = html.split("href=\"").skip(1);
    targets.filter_map(|rest| Some(rest.split('"').next()?.replace("&amp;", "&")))
}

#[test]
fn every_page_and_every_link_of_every_lesson_and_plan_is_there() {
    let lab = spawn_lab(test_config());
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for lesson in LESSONS.iter() {
        let id = &lesson.front.id;
        let mut add = |page: String| {
            wanted.insert((page, id.clone()));
        };
        add(format!("/lessons/{id}"));
        lesson.front.pages.iter().cloned().for_each(&mut add);
        for text in lesson.front.not_here.values().chain(&lesson.front.lacks) {
            links(&markup::to_html(text)).for_each(&mut add);
        }
        for step in &lesson.steps {
            links(&step.html).for_each(&mut add);
            match &step.kind {
                Kind::Set(set) => set.page.clone().into_iter().for_each(&mut add),
                Kind::Run(run) => {
                    run.page.clone().into_iter().for_each(&mut add);
                    let experiment = run.experiment.as_ref();
                    experiment
                        .map(|experiment| format!("/experiments/{experiment}"))
                        .into_iter()
                        .for_each(&mut add);
                    links(&markup::to_html(&run.alone)).for_each(&mut add);
                }
                Kind::Reveal(reveal) => {
                    links(&markup::to_html(&reveal.change)).for_each(&mut add);
                }
                _ => {}
            }
        }
    }
    for plan in PLANS.iter() {
        let id = format!("plan {}", plan.id);
        let htmls = (plan.rows.iter().map(|row| &row.html))
            .chain(plan.sections.iter().map(|section| &section.html));
        for link in htmls.flat_map(|html| links(html)) {
            wanted.insert((link, id.clone()));
        }
    }
    // The articles' own two examples are where the first lesson leads to.
    assert!(wanted.contains(&("/examples".to_owned(), "one-in-many-out".to_owned())));
    assert!(wanted.len() > 60, "{}", wanted.len());
    for (page, of) in wanted {
        assert!(page.starts_with('/'), "{of}: {page} is not of this lab");
        let answer = lab
            .http("main")
            .get(page.split('#').next().unwrap_or(&page));
        assert_eq!(answer.status, 200, "{of}: {page}");
        let is_page = answer.header("content-type").unwrap_or_default();
        assert!(
            is_page.starts_with("text/html"),
            "{of}: {page} is {is_page}"
        );
    }
}
