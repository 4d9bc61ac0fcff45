(from_instruction (image_spec) @import.module) @import
