//! Is there a cycle in a graph, and if so, a shortest one.
//!
//! 1. Take away every node without an edge into it, and its edges, until there is
//!    none left (Kahn 1962). If that takes all nodes away there is no cycle: the
//!    order in which they went is the order of the attempts.
//! 2. Otherwise take away from the remainder every node without an edge out of it,
//!    likewise. What is left are cycles, and paths from one to the next.
//! 3. From each of these nodes search for the shortest way back to it. Nodes from
//!    `free` on cost nothing to pass: they stand for time, and however many of them
//!    lie between two attempts are one step. Stop at a cycle of two, which few
//!    histories can undercut, or when enough has been searched.
//!
//! Step 1 takes time in proportion to the graph; the others run for a history that is
//! wrong.

use std::collections::VecDeque;

/// How many nodes step 3 looks at before it is content with what it has.
const ENOUGH: usize = 20_000_000;

/// The memory of a search.
#[derive(Debug, Default)]
pub struct Search {
    /// Where the edges out of each node begin in `targets`.
    first: Vec<u32>,
    targets: Vec<u32>,
    /// How many edges lead into each node, from nodes that are still there.
    into: Vec<u32>,
    ready: Vec<u32>,
}

impl Search {
    /// The nodes of a shortest cycle, in order, if there is a cycle.
    pub fn shortest_cycle(
        &mut self,
        nodes: u32,
        free: u32,
        edges: &[(u32, u32)],
    ) -> Option<Vec<u32>> {
        self.index(nodes as usize, edges);
        if self.take_away() == nodes {
            return None;
        }
        Some(self.search(nodes as usize, free))
    }

    /// Sorts the edges by where they begin.
    fn index(&mut self, nodes: usize, edges: &[(u32, u32)]) {
        self.first.clear();
        self.first.resize(nodes + 2, 0);
        self.into.clear();
        self.into.resize(nodes, 0);
        for &(from, to) in edges {
            self.first[from as usize + 2] += 1;
            self.into[to as usize] += 1;
        }
        for node in 2..self.first.len() {
            self.first[node] += self.first[node - 1];
        }
        self.targets.clear();
        self.targets.resize(edges.len(), 0);
        for &(from, to) in edges {
            // While it is filled in, `first[n + 1]` is where the next edge of
            // n goes; in the end that is where those of n + 1 begin.
            let place = &mut self.first[from as usize + 1];
            self.targets[*place as usize] = to;
            *place += 1;
        }
    }

    fn out_of(&self, node: u32) -> &[u32] {
        let (from, to) = (self.first[node as usize], self.first[node as usize + 1]);
        &self.targets[from as usize..to as usize]
    }

    /// Step 1; answers how many went.
    fn take_away(&mut self) -> u32 {
        let mut gone = 0;
        self.ready.clear();
        let free = (0..).zip(&self.into).filter(|(_, into)| **into == 0);
        self.ready.extend(free.map(|(node, _)| node));
        while let Some(node) = self.ready.pop() {
            gone += 1;
            let (from, to) = (self.first[node as usize], self.first[node as usize + 1]);
            for &target in &self.targets[from as usize..to as usize] {
                let into = &mut self.into[target as usize];
                *into -= 1;
                if *into == 0 {
                    self.ready.push(target);
                }
            }
        }
        gone
    }

    /// Step 2: says of each node whether it is left.
    fn remainder(&self, nodes: usize) -> Vec<bool> {
        let mut left: Vec<bool> = self.into.iter().map(|&into| into > 0).collect();
        let mut sources = vec![Vec::new(); nodes];
        let mut out_of = vec![0_usize; nodes];
        for node in (0..nodes as u32).filter(|&node| left[node as usize]) {
            for &target in self.out_of(node) {
                sources[target as usize].push(node);
                out_of[node as usize] += 1;
            }
        }
        let mut ready: Vec<u32> = (0..nodes as u32)
            .filter(|&node| left[node as usize] && out_of[node as usize] == 0)
            .collect();
        while let Some(node) = ready.pop() {
            left[node as usize] = false;
            for &source in &sources[node as usize] {
                out_of[source as usize] -= 1;
                if out_of[source as usize] == 0 {
                    ready.push(source);
                }
            }
        }
        left
    }

    /// Steps 2 and 3.
    fn search(&self, nodes: usize, free: u32) -> Vec<u32> {
        let left = self.remainder(nodes);
        let mut shortest: Option<(u32, Vec<u32>)> = None;
        let mut looked = 0;
        let mut from = vec![None; nodes];
        let mut touched = Vec::new();
        for start in (0..free).filter(|&start| left[start as usize]) {
            let bound = shortest.as_ref().map_or(u32::MAX, |(length, _)| *length);
            if bound <= 2 || looked > ENOUGH && shortest.is_some() {
                break;
            }
            if let Some(found) = self.way_back(start, free, bound, &left, &mut from, &mut touched) {
                shortest = Some(found);
            }
            looked += touched.len();
            for node in touched.drain(..) {
                from[node as usize] = None;
            }
        }
        match shortest {
            Some((_, cycle)) => cycle,
            // Every cycle has an attempt: time goes one way.
            None => unreachable!("what is left has a cycle, and each was tried"),
        }
    }

    /// The shortest way from a node back to it that passes fewer than `bound`
    /// nodes that cost, and its length. `from` is where each node was reached
    /// from, and how far that is.
    fn way_back(
        &self,
        start: u32,
        free: u32,
        bound: u32,
        left: &[bool],
        from: &mut [Option<(u32, u32)>],
        touched: &mut Vec<u32>,
    ) -> Option<(u32, Vec<u32>)> {
        let mut queue = VecDeque::from([(start, 1_u32)]);
        while let Some((node, length)) = queue.pop_front() {
            // Reached by a shorter way meanwhile?
            if node != start && from[node as usize].is_some_and(|(_, best)| best < length) {
                continue;
            }
            for &next in self
                .out_of(node)
                .iter()
                .filter(|&&next| left[next as usize])
            {
                if next == start {
                    let mut cycle = vec![node];
                    while let Some(&last) = cycle.last().filter(|&&last| last != start) {
                        cycle.extend(from[last as usize].map(|(before, _)| before));
                    }
                    cycle.reverse();
                    return Some((length, cycle));
                }
                let cost = u32::from(next < free);
                let reached = length + cost;
                if reached >= bound || from[next as usize].is_some_and(|(_, best)| best <= reached)
                {
                    continue;
                }
                if from[next as usize].replace((node, reached)).is_none() {
                    touched.push(next);
                }
                if cost == 0 {
                    queue.push_front((next, reached));
                } else {
                    queue.push_back((next, reached));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(nodes: u32, free: u32, edges: &[(u32, u32)]) -> Option<Vec<u32>> {
        Search::default().shortest_cycle(nodes, free, edges)
    }

    #[test]
    fn a_graph_without_a_cycle_has_none() {
        assert_eq!(shortest(0, 0, &[]), None);
        assert_eq!(
            shortest(5, 5, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]),
            None
        );
    }

    #[test]
    fn a_node_that_leads_to_itself_is_a_cycle() {
        assert_eq!(shortest(3, 3, &[(0, 1), (1, 1), (1, 2)]), Some(vec![1]));
    }

    #[test]
    fn the_shorter_of_two_cycles_is_found() {
        let edges = [
            (0, 1),
            (1, 2),
            (2, 3),
            (3, 0),
            (4, 5),
            (5, 6),
            (6, 4),
            (3, 4),
        ];
        let mut found = shortest(7, 7, &edges).unwrap_or_default();
        found.sort_unstable();
        assert_eq!(found, [4, 5, 6]);
    }

    #[test]
    fn nodes_of_time_cost_nothing() {
        // 0 and 1 by way of four nodes of time; 2, 3 and 4 directly.
        let edges = [
            (0, 1),
            (1, 5),
            (5, 6),
            (6, 7),
            (7, 8),
            (8, 0),
            (2, 3),
            (3, 4),
            (4, 2),
        ];
        assert_eq!(shortest(9, 5, &edges), Some(vec![0, 1, 5, 6, 7, 8]));
    }

    #[test]
    fn what_merely_leads_to_a_cycle_is_not_part_of_it() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (3, 4)];
        assert_eq!(shortest(5, 5, &edges), Some(vec![1, 2]));
    }
}
