//! A small picture of a few curves over one size, readable in light and dark.

use std::fmt::Write;

/// Panels side by side over the same sizes.
pub(crate) struct Plot {
    /// What grows.
    pub(crate) label: String,
    pub(crate) xs: Vec<f64>,
    pub(crate) panels: Vec<Panel>,
}

/// One curve; its axis begins at zero, so that flat looks flat.
pub(crate) struct Panel {
    pub(crate) unit: String,
    pub(crate) ys: Vec<f64>,
}

const WIDTH: f64 = 220.0;
const HEIGHT: f64 = 150.0;
/// Around the field of a panel: left for the scale, right, above for the unit, below for the sizes.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 14.0;
const ABOVE: f64 = 24.0;
const BELOW: f64 = 34.0;

const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#444}.unit{font-weight:600;fill:#111}\
.axis{stroke:#999}.grid{stroke:#ddd}.line{stroke:#0b62b0;stroke-width:2;fill:none}.dot{fill:#0b62b0}\
@media (prefers-color-scheme:dark){text{fill:#aaa}.unit{fill:#eee}.axis{stroke:#777}.grid{stroke:#333}\
.line{stroke:#6cb6ff}.dot{fill:#6cb6ff}}";

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let mut panels = String::new();
        for (panel, number) in self.panels.iter().zip(0_u8..) {
            let left = f64::from(number) * WIDTH;
            let drawn = self.panel(panel);
            put(
                &mut panels,
                format_args!("<g transform=\"translate({left:.0},0)\">\n{drawn}</g>"),
            );
        }
        let count = u8::try_from(self.panels.len()).unwrap_or(u8::MAX);
        let width = f64::from(count) * WIDTH;
        let units: Vec<&str> = self.panels.iter().map(|panel| &*panel.unit).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {HEIGHT:.0}\" width=\"{width:.0}\" role=\"img\">\n\
             <title>{} against {}</title>\n<style>{STYLE}</style>\n{panels}</svg>\n",
            units.join(", "),
            self.label
        )
    }

    fn panel(&self, panel: &Panel) -> String {
        let top = round_up(panel.ys.iter().copied().fold(0.0, f64::max));
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BELOW);
        let y = |value: f64| bottom - value / top * (bottom - ABOVE);
        let points: Vec<(f64, f64)> = self
            .xs
            .iter()
            .zip(&panel.ys)
            .map(|(x, value)| (self.place(*x), y(*value)))
            .collect();
        let mut svg = format!(
            "<text class=\"unit\" x=\"4\" y=\"13\">{}</text>\n",
            panel.unit
        );
        for part in [0.0, 0.5, 1.0] {
            let (at, value) = (y(top * part), short(top * part));
            let class = if part == 0.0 { "axis" } else { "grid" };
            put(
                &mut svg,
                format_args!(
                    "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
                ),
            );
            put(
                &mut svg,
                format_args!(
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                    LEFT - 5.0,
                    at + 4.0
                ),
            );
        }
        let line: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        put(
            &mut svg,
            format_args!("<polyline class=\"line\" points=\"{}\"/>", line.join(" ")),
        );
        for (x, y) in &points {
            put(
                &mut svg,
                format_args!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"),
            );
        }
        for (x, anchor) in [(self.xs.first(), "start"), (self.xs.last(), "end")] {
            let value = x.copied().unwrap_or(0.0);
            put(
                &mut svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                    self.place(value),
                    bottom + 14.0,
                    short(value)
                ),
            );
        }
        put(
            &mut svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                f64::midpoint(LEFT, right),
                bottom + 28.0,
                self.label
            ),
        );
        svg
    }

    /// Where a size lies, on a scale on which each tenfold is as wide as the next.
    fn place(&self, x: f64) -> f64 {
        let scale = |x: f64| x.max(1.0).ln();
        let first = scale(self.xs.first().copied().unwrap_or(1.0));
        let last = scale(self.xs.last().copied().unwrap_or(1.0));
        let part = (scale(x) - first) / (last - first).max(f64::MIN_POSITIVE);
        LEFT + part * (WIDTH - RIGHT - LEFT)
    }
}

fn put(svg: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(svg, "{line}").expect("a string takes it");
}

/// The next round number, so that the scale is readable.
fn round_up(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * unit >= value);
    step.unwrap_or(10.0) * unit
}

fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e4 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}
