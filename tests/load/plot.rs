//! The plot: what each program needs of the processor for a request, relative to bare hyper, as one SVG.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::compare::{Entrant, Results, ratio};
use crate::options::Options;
use crate::programs::Program;
use crate::rows::Shape;
use crate::table::cpu;

/// Widths, in pixels: of everything, where bars begin, and of the longest one.
const WIDTH: usize = 960;
const BARS: usize = 310;
const LONGEST: f64 = 580.0;
/// Heights: of a bar, of a bar with the space below it, and of the name of a row with the space above it.
const BAR: usize = 15;
const LINE: usize = 21;
const HEADING: usize = 38;

/// The characters of a path that fit before the bars.
const LABEL: usize = 42;

/// Colours for light and dark pages. Each bar differs from the page by a ratio of three at least.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 18px; font-weight: 600 }
.row { font-size: 14px; font-weight: 600 }
.note { font-size: 12px; fill: #59636e }
.value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
.page { fill: #ffffff }
.gate { fill: #0969da }
.bare { fill: #424a53 }
.other { fill: #8c959f }
.one { stroke: #424a53; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note { fill: #9198a1 }
.value { stroke: #0d1117 }
.page { fill: #0d1117 }
.gate { fill: #4493f8 }
.bare { fill: #c9d1d9 }
.other { fill: #6e7681 }
.one { stroke: #c9d1d9 }
}
";

/// A program in a row. None: it has no figures.
struct Bar {
    label: String,
    class: &'static str,
    ratio: Option<f64>,
}

/// Writes the rows in which bare hyper ran, if there is one, to the file of the options.
pub fn write(results: &[Results], options: &Options) -> Result<(), Failure> {
    let Some(file) = &options.plot else { return Ok(()) };
    let rows = results.iter().map(|row| (row.row.name, bars(row, &options.binaries)));
    let rows: Vec<(&str, Vec<Bar>)> = rows
        .filter(|(_, bars)| bars.iter().any(|bar| bar.ratio.is_some()))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    std::fs::write(file, drawn(&rows, &notes(options))?).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("\nplot: {}", file.display());
    Ok(())
}

/// The programs of a row, each compared with bare hyper on as many cores.
fn bars(row: &Results, binaries: &[PathBuf]) -> Vec<Bar> {
    let bar = |(entrant, own): (&Entrant, &Vec<_>)| {
        let on_two = entrant.cores.are_two();
        let bare = match on_two {
            true => row.on_two_cores(&Program::BareHyper),
            false => row.on_one_core(&Program::BareHyper),
        };
        let label = label(&entrant.program, binaries);
        Bar {
            label: match (row.row.shape, on_two) {
                (Shape::TwoCores, false) => label + ", one core",
                (Shape::TwoCores, true) => label + ", two cores",
                _ => label,
            },
            class: match entrant.program {
                Program::Gate(_) => "gate",
                Program::BareHyper => "bare",
                _ => "other",
            },
            ratio: bare.and_then(|bare| ratio(own, bare, cpu)),
        }
    };
    row.entrants.iter().zip(&row.measured).map(bar).collect()
}

/// The first build has no path, and of that of another one the end is shown.
fn label(program: &Program, binaries: &[PathBuf]) -> String {
    let Program::Gate(path) = program else {
        return program.to_string();
    };
    if binaries.first() == Some(path) {
        return "actgate".to_owned();
    }
    let path = Path::display(path).to_string();
    match path.char_indices().rev().nth(LABEL - 1) {
        Some((at, _)) if at > 0 => format!("…{}", &path[at..]),
        _ => path,
    }
}

/// What the figures are, and of which programs and machine.
fn notes(options: &Options) -> Vec<String> {
    let (rounds, seconds) = (options.rounds, options.duration.as_secs());
    let rounds = format!("medians; rounds: {rounds}, each of {seconds} s; shorter is better");
    let smoke = options
        .smoke
        .then(|| "unoptimised builds: the figures mean nothing".to_owned());
    let notes = std::iter::once(rounds).chain(smoke);
    notes.chain(options.about.iter().cloned()).collect()
}

fn drawn(rows: &[(&str, Vec<Bar>)], notes: &[String]) -> Result<String, std::fmt::Error> {
    let ratios = rows.iter().flat_map(|(_, bars)| bars).filter_map(|bar| bar.ratio);
    let scale = LONGEST / ratios.fold(1.0, f64::max);
    let lines: usize = rows.iter().map(|(_, bars)| HEADING + bars.len() * LINE).sum();
    let height = 50 + notes.len() * 17 + lines + 16;
    let title = "Processor time of a request ÷ that of bare hyper";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n<text class=\"title\" x=\"16\" y=\"32\">{title}</text>\n"
    );
    let mut top = 50;
    for note in notes {
        top += 17;
        let note = escaped(note);
        writeln!(svg, "<text class=\"note\" x=\"16\" y=\"{}\">{note}</text>", top - 10)?;
    }
    for (name, bars) in rows {
        top += HEADING;
        let name = escaped(name);
        writeln!(svg, "<text class=\"row\" x=\"16\" y=\"{}\">{name}</text>", top - 10)?;
        let one = BARS as f64 + scale;
        let (begin, end) = (top - 3, top + bars.len() * LINE - 3);
        writeln!(
            svg,
            "<line class=\"one\" x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{begin}\" y2=\"{end}\"/>"
        )?;
        for bar in bars {
            draw(&mut svg, bar, top, scale)?;
            top += LINE;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn draw(svg: &mut String, bar: &Bar, top: usize, scale: f64) -> std::fmt::Result {
    let (label, class) = (escaped(&bar.label), bar.class);
    let (text, end) = (top + 12, BARS - 8);
    writeln!(svg, "<text x=\"{end}\" y=\"{text}\" text-anchor=\"end\">{label}</text>")?;
    let Some(ratio) = bar.ratio else {
        return writeln!(svg, "<text class=\"note\" x=\"{BARS}\" y=\"{text}\">no figures</text>");
    };
    let width = ratio * scale;
    let after = BARS as f64 + width + 6.0;
    writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{BARS}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\"/>\n\
         <text class=\"value\" x=\"{after:.1}\" y=\"{text}\">{ratio:.2}</text>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
