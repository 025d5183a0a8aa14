//! The strongest pairs of all layers as GraphML, which networkx, Gephi, igraph and Cytoscape read.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::Error;
use crate::comparison::Comparison;
use crate::text::printable;

const FILE: &str = "graph.graphml";

/// Data of nodes and edges: `node` or `edge`, name, and type.
const KEYS: [(&str, &str, &str); 7] = [
    ("node", "model", "string"),
    ("node", "layer", "string"),
    ("node", "neuron", "int"),
    ("node", "entropy", "double"),
    ("node", "community", "int"),
    ("edge", "mutual_information", "double"),
    ("edge", "false_discovery_rate", "double"),
];

/// Writes one undirected graph, in which each layer of each model is a separate part.
pub(crate) fn graphml(comparison: &Comparison) -> Result<String, Error> {
    let failed = |problem: String| Error::Format { file: FILE, problem };
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    write(&mut writer, comparison).map_err(|error| failed(error.to_string()))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

fn write(writer: &mut Writer<Vec<u8>>, comparison: &Comparison) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer
        .create_element("graphml")
        .with_attribute(("xmlns", "http://graphml.graphdrawing.org/xmlns"));
    root.write_inner_content(|writer| {
        for (of, name, kind) in KEYS {
            let key = writer.create_element("key").with_attributes([
                ("id", name),
                ("for", of),
                ("attr.name", name),
                ("attr.type", kind),
            ]);
            key.write_empty()?;
        }
        let graph = writer
            .create_element("graph")
            .with_attributes([("id", "strongest_pairs"), ("edgedefault", "undirected")]);
        graph.write_inner_content(|writer| layers(writer, comparison))?;
        Ok(())
    })?;
    Ok(())
}

fn layers(writer: &mut Writer<Vec<u8>>, comparison: &Comparison) -> io::Result<()> {
    for (m, model) in comparison.models.iter().enumerate() {
        for (l, layer) in model.layers.iter().enumerate() {
            let id = |neuron: usize| format!("m{m}.l{l}.n{neuron}");
            for (&neuron, community) in &layer.graph.communities {
                let data = [
                    ("model", printable(&model.name)),
                    ("layer", printable(&layer.name)),
                    ("neuron", neuron.to_string()),
                    ("entropy", double(layer.entropy[neuron])),
                    ("community", community.to_string()),
                ];
                element(writer, "node", &[("id", id(neuron))], &data)?;
            }
            for edge in &layer.graph.edges {
                let ends = [("source", id(edge.first)), ("target", id(edge.second))];
                let mut data = vec![("mutual_information", double(edge.mutual_information))];
                data.extend(edge.false_discovery_rate.map(|q| ("false_discovery_rate", double(q))));
                element(writer, "edge", &ends, &data)?;
            }
        }
    }
    Ok(())
}

fn element(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    attributes: &[(&str, String)],
    data: &[(&str, String)],
) -> io::Result<()> {
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    writer.create_element(name).with_attributes(attributes).write_inner_content(|writer| {
        for (key, value) in data {
            let element = writer.create_element("data").with_attribute(("key", *key));
            element.write_text_content(BytesText::new(value))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Formats a number as XML Schema does.
fn double(value: f64) -> String {
    if value == f64::NEG_INFINITY {
        "-INF".to_owned()
    } else if value == f64::INFINITY {
        "INF".to_owned()
    } else {
        value.to_string()
    }
}
