//! The bars: what the gate must cost at most, and whether it does.

use crate::compare::{Measured, Results, median, ratio};
use crate::options::Options;
use crate::programs::Program;
use crate::rows::{
    EXT_AUTHZ, HTTP2, HTTP2_TLS, MANY, NEW_ES256, NEW_RS256, SAME, SAME_8, SAME_50, SAME_RS256, TLS, TWO_8, TWO_32,
    TWO_50,
};
use crate::table::{cpu, rate};

/// The limit of a bar.
#[derive(Clone, Copy, Debug)]
pub enum Must {
    AtMost(f64),
    AtLeast(f64),
}

/// A bar and what was measured for it.
pub struct Bar {
    pub name: &'static str,
    pub what: String,
    pub must: Must,
    /// None: its row did not run, or a program of it is not installed.
    pub measured: Option<f64>,
    /// Why it cannot be decided on this machine.
    pub undecided: Option<String>,
}

impl Bar {
    pub fn new(name: &'static str, what: impl Into<String>, must: Must, measured: Option<f64>) -> Self {
        Self {
            name,
            what: what.into(),
            must,
            measured,
            undecided: None,
        }
    }

    fn holds(&self) -> &str {
        match (self.measured, self.must) {
            (None, _) => "not measured",
            (Some(_), _) if self.undecided.is_some() => self.undecided.as_deref().unwrap_or_default(),
            (Some(measured), Must::AtMost(must)) if measured <= must => "yes",
            (Some(measured), Must::AtLeast(must)) if measured >= must => "yes",
            _ => "no",
        }
    }
}

/// Prints the bars of each build of actgate, and where the least gate is: how much of them is left for everything else. Where only some
/// rows ran, those of the others are left out.
pub fn print(results: &[Results], options: &Options) {
    for binary in &options.binaries {
        let (gate, asks) = (Program::Gate(binary.clone()), Program::EnvoyAsks(binary.clone()));
        let (bars, others): (Vec<_>, Vec<_>) = of(results, &gate, &asks)
            .into_iter()
            .partition(|bar| options.rows.is_empty() || bar.measured.is_some());
        print_table(&binary.display().to_string(), &bars);
        if !others.is_empty() {
            println!("\nnot measured in this run: {} bars", others.len());
        }
    }
    let least = Program::VerifyingHyper;
    let mut bars = of(results, &least, &Program::EnvoyAsksNothing);
    // Nothing is asked by Envoy, and there is no row with two cores.
    bars.retain(|bar| bar.measured.is_some() && bar.name != "S7");
    if !bars.is_empty() {
        print_table("the least gate: bare hyper that verifies tokens and writes", &bars);
    }
}

/// Prints bars as a table.
pub fn print_table(title: &str, bars: &[Bar]) {
    println!("\n## Bars of {title}\n\n| bar | what | must | measured | holds |\n|---|---|--:|--:|---|");
    for bar in bars {
        let must = match bar.must {
            Must::AtMost(must) => format!("at most {must:.2}"),
            Must::AtLeast(must) => format!("at least {must:.2}"),
        };
        let measured = bar.measured.map_or("–".to_owned(), |measured| format!("{measured:.2}"));
        println!(
            "| {} | {} | {must} | {measured} | {} |",
            bar.name,
            bar.what,
            bar.holds()
        );
    }
}

/// A figure of one program in one round.
type Figure = fn(&Measured) -> Option<f64>;

fn instructions(measured: &Measured) -> Option<f64> {
    measured.usage.instructions
}

/// The figures of one run.
struct Figures<'r>(&'r [Results]);

impl Figures<'_> {
    fn row(&self, name: &str) -> Option<&Results> {
        self.0.iter().find(|results| results.row.name == name)
    }

    /// A program ÷ another one in a row.
    fn ratio(&self, row: &str, own: &Program, other: &Program, figure: Figure) -> Option<f64> {
        let row = self.row(row)?;
        ratio(row.on_one_core(own)?, row.on_one_core(other)?, figure)
    }

    fn median(&self, row: &str, own: &Program, figure: fn(&Measured) -> f64) -> Option<f64> {
        median(self.row(row)?.on_one_core(own)?.iter().map(figure))
    }

    /// The gate with new tokens ÷ the sum of a proxy that checks nothing and of one verification.
    fn over_verification(&self, row: &str, gate: &Program) -> Option<f64> {
        let row = self.row(row)?;
        let (gate, bare) = (row.on_one_core(gate)?, row.on_one_core(&Program::BareHyper)?);
        let rounds = gate.iter().zip(bare).zip(&row.verification);
        median(rounds.map(|((gate, bare), verification)| gate.usage.cpu / (bare.usage.cpu + verification)))
    }
}

/// The bars S1 to S11 of one gate; `asks` is Envoy that asks it.
fn of(results: &[Results], gate: &Program, asks: &Program) -> Vec<Bar> {
    let figures = Figures(results);
    let (bare, haproxy) = (Program::BareHyper, Program::HaProxy);
    let mut bars = Vec::new();
    let mut add = |name, what: &str, must, measured| bars.push(Bar::new(name, what, must, measured));
    for row in [SAME, MANY] {
        let kinds: [(&str, Figure, [f64; 3]); 2] = [
            ("CPU", cpu, [1.10, 1.15, 3.0]),
            ("instructions", instructions, [1.08, 1.10, 4.0]),
        ];
        for (kind, figure, [of_bare, of_haproxy, of_envoy]) in kinds {
            let to = |other| figures.ratio(row, gate, other, figure);
            add(
                "S1",
                &format!("{row}: {kind} ÷ bare hyper"),
                Must::AtMost(of_bare),
                to(&bare),
            );
            add(
                "S2",
                &format!("{row}: {kind} ÷ HAProxy"),
                Must::AtMost(of_haproxy),
                to(&haproxy),
            );
            let envoy = figures.ratio(row, &Program::EnvoyCache, gate, figure);
            add(
                "S3",
                &format!("{row}: {kind} of Envoy with its cache ÷ the gate"),
                Must::AtLeast(of_envoy),
                envoy,
            );
        }
    }
    for (row, must) in [(SAME_RS256, 6.0), (SAME, 8.5)] {
        let envoy = figures.ratio(row, &Program::Envoy, gate, cpu);
        add(
            "S4",
            &format!("{row}: CPU of Envoy without cache ÷ the gate"),
            Must::AtLeast(must),
            envoy,
        );
    }
    for row in [NEW_RS256, NEW_ES256] {
        let measured = figures.over_verification(row, gate);
        add(
            "S5",
            &format!("{row}: CPU ÷ (bare hyper + one verification)"),
            Must::AtMost(1.15),
            measured,
        );
    }
    for (row, must) in [(NEW_RS256, 0.72), (NEW_ES256, 0.80)] {
        let measured = figures.ratio(row, gate, &Program::HaProxyJwt, cpu);
        add(
            "S6",
            &format!("{row}: CPU ÷ HAProxy with jwt_verify"),
            Must::AtMost(must),
            measured,
        );
    }
    let nothing = figures.ratio(EXT_AUTHZ, &Program::EnvoyAsksNothing, asks, cpu);
    add(
        "S7",
        "CPU of Envoy with a server that does nothing ÷ of Envoy with the gate",
        Must::AtLeast(0.9),
        nothing,
    );
    for row in [SAME_8, SAME, SAME_50] {
        let p99 = figures.ratio(row, gate, &bare, |measured| measured.usage.p99);
        add("S8", &format!("{row}: p99 ÷ bare hyper"), Must::AtMost(1.2), p99);
    }
    let idle = figures.median(MANY, gate, |measured| measured.idle);
    add("S9", "resident memory idle, MiB", Must::AtMost(8.0), idle);
    let peak = figures.median(MANY, gate, |measured| measured.peak);
    add(
        "S9",
        "resident memory with 5,000 tokens at its peak, MiB",
        Must::AtMost(20.0),
        peak,
    );
    for row in [TLS, HTTP2, HTTP2_TLS] {
        let measured = figures.ratio(row, gate, &bare, cpu);
        add("S10", &format!("{row}: CPU ÷ bare hyper"), Must::AtMost(1.10), measured);
    }
    let measured = figures.ratio(TLS, gate, &haproxy, cpu);
    add("S10", &format!("{TLS}: CPU ÷ HAProxy"), Must::AtMost(0.8), measured);
    bars.extend([TWO_8, TWO_32, TWO_50].map(|row| two_cores(&figures, row, gate)));
    bars
}

/// The throughput on two cores ÷ that on one.
fn two_cores(figures: &Figures<'_>, row: &str, gate: &Program) -> Bar {
    let what = format!("{row}: requests a second ÷ those on one core");
    let scaled = |program: &Program, figure: Figure| {
        let row = figures.row(row)?;
        ratio(row.on_two_cores(program)?, row.on_one_core(program)?, figure)
    };
    let mut bar = Bar::new("S11", what, Must::AtLeast(1.8), scaled(gate, rate));
    let is_shared = figures
        .row(row)
        .is_some_and(|row| row.entrants.iter().any(|entrant| entrant.cores.are_shared()));
    if let (true, Some(bare), Some(cost)) = (is_shared, scaled(&Program::BareHyper, rate), scaled(gate, cpu)) {
        bar.undecided = Some(format!(
            "cannot be decided: the load has the same cores; bare hyper {bare:.2}, CPU a request of the gate {cost:.2} times"
        ));
    }
    bar
}
