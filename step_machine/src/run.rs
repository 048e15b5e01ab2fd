//! Many steps, in memory.

use crate::plain::Plain;
use crate::registers::{End, Registers};
use crate::step::{Event, HostCall, answer, step};

impl Plain {
    /// Steps until the run ends, or something comes back from the host that ends it. `pause` is called
    /// now and then, and says whether to go on.
    ///
    /// # Errors
    /// The host's result.
    pub fn run<E>(
        &mut self,
        mut host: impl FnMut(&mut Self, HostCall) -> Result<u64, E>,
        mut pause: impl FnMut() -> Result<(), E>,
    ) -> Result<End, E> {
        if let Some(end) = self.image.refused {
            self.registers.end = Some(end);
        }
        loop {
            match self.stretch(1 << 20) {
                Event::Stepped => pause()?,
                Event::Call(call) => {
                    let result = host(self, call)?;
                    let Ok(_) = answer(self, call, result);
                }
                Event::Ended(end) => return Ok(end),
            }
        }
    }

    /// So many steps, up to a call of the host or the end.
    pub fn stretch(&mut self, steps: u64) -> Event {
        for _ in 0..steps {
            let Ok(event) = step(self);
            if event != Event::Stepped {
                return event;
            }
        }
        Event::Stepped
    }

    /// Calls a function of a library, whose state stays; gives its result's cells.
    ///
    /// # Errors
    /// The end of the call, if not by returning; the host's result.
    pub fn call<E: From<End>>(
        &mut self,
        function: u32,
        arguments: &[u64],
        host: impl FnMut(&mut Self, HostCall) -> Result<u64, E>,
    ) -> Result<Vec<u64>, E> {
        let begin = self.image.functions.get(function as usize).copied();
        let Registers {
            pages,
            max_pages,
            stack,
            frames,
            ..
        } = self.registers;
        self.registers = Registers {
            // What the first instruction stops.
            link: 0,
            pc: begin.unwrap_or_default() as u32,
            sp: arguments.len() as u32,
            started: true,
            pages,
            max_pages,
            stack,
            frames,
            ..Registers::default()
        };
        self.set_cells(arguments);
        match self.run(host, || Ok(()))? {
            End::Returned => Ok(self.cells(0, self.registers.sp).to_vec()),
            end => Err(end.into()),
        }
    }
}
